// Small comforts of every page. All of them work without this file, only plainer.
"use strict";

// Times are printed in UTC by the server; show them as this computer's clock does, with the exact time on hover.
function localTime(element) {
  const at = new Date(element.getAttribute("datetime"));
  if (Number.isNaN(at.getTime()) || element.dataset.expires) return;
  const isToday = at.toDateString() === new Date().toDateString();
  element.textContent = isToday ? at.toLocaleTimeString("en-GB") : at.toLocaleString("sv-SE").slice(0, 16);
  element.title = at.toISOString();
}

document.querySelectorAll("time[datetime]").forEach(localTime);

document.querySelectorAll("[data-copy]").forEach((button) => {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
});

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select, textarea");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.querySelector("[data-hotkey='/']");
  if (field) {
    event.preventDefault();
    field.focus();
  }
});

// A policy takes a URI or a code only when it forwards or refuses.
document.querySelectorAll("select[name=policy_action]").forEach((select) => {
  const field = select.form.querySelector("[data-field=policy_argument]");
  const show = () => { field.hidden = !["forward", "refuse"].includes(select.value); };
  select.addEventListener("change", show);
  show();
});

document.querySelectorAll("input[name=password_mode]").forEach((radio) => {
  const field = radio.form.querySelector("[data-field=password]");
  const show = () => { field.hidden = radio.form.querySelector("input[name=password_mode]:checked")?.value !== "set"; };
  radio.addEventListener("change", show);
  show();
});
