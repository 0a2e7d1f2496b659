// One binding in a row of cells (templates/parts/binding_cells.html).
import { $, setText } from "./cells.js";
import { countDown } from "./countdown.js";
import { address, clip, whole } from "./text.js";

export const isGone = (facts) => facts.change === "removed" || facts.change === "expired";

// The contact names another host than the packets come from.
export function isBehindNat(facts) {
  const host = address(facts.contact).split("@").pop().replace(/:\d+$/, "");
  return Boolean(host && facts.received_from) && !String(facts.received_from).startsWith(host);
}

export function fillBinding(row, facts) {
  row.dataset.id = facts.id;
  const contact = setText(row, "contact", clip(address(facts.contact)));
  contact.title = whole(facts.contact);
  setText(row, "q", String(Math.round((facts.q ?? 1) * 1000) / 1000));
  setText(row, "transport", String(facts.transport ?? "").toUpperCase());
  setText(row, "source", clip(facts.received_from));
  $("[data-cell=nat]", row)?.toggleAttribute("hidden", !isBehindNat(facts));
  const device = setText(row, "device", clip(facts.user_agent));
  device.title = whole(facts.instance_id ? `${facts.user_agent} ${facts.instance_id}` : facts.user_agent);
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
