// One binding in a row of cells (templates/parts/binding_cells.html).
import { $, setText } from "./cells.js";
import { countDown } from "./countdown.js";
import { address, clip, whole } from "./text.js";

export const isGone = (facts) => facts.change === "removed" || facts.change === "expired";

export function fillBinding(row, facts) {
  row.dataset.id = facts.id;
  const contact = setText(row, "contact", clip(address(facts.contact)));
  contact.title = whole(facts.contact);
  setText(row, "q", String(Math.round((facts.q ?? 1) * 1000) / 1000));
  setText(row, "transport", String(facts.transport ?? "").toUpperCase());
  setText(row, "source", clip(facts.received_from));
  const device = setText(row, "device", clip(facts.user_agent));
  device.title = whole(facts.user_agent);
  const isOwn = !facts.registered_by || address(facts.registered_by) === address(facts.aor);
  setText(row, "by", isOwn ? "" : `registered by ${clip(address(facts.registered_by))}`);
  const cell = $("[data-cell=expires]", row);
  let time = $("time", cell);
  if (!time) {
    time = document.createElement("time");
    cell.replaceChildren(time);
  }
  time.dataset.expires = facts.expires_at;
  countDown(time);
  const form = $("form[data-remove]", row);
  if (form) {
    form.setAttribute("action", form.getAttribute("action").replace(/\/-?\d+\/remove\//, `/${facts.id}/remove/`));
    $("button", form).setAttribute("aria-label", `Remove contact ${clip(facts.contact)}`);
  }
}
