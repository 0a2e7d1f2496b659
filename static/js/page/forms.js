// Fields that matter only for some choices are hidden for the others, and forms say when they are busy.

// `data-shows="name=value|other"`: the element is shown while the form's field has one of these values.
function startConditionalFields() {
  document.querySelectorAll("[data-shows]").forEach((element) => {
    const [name, values] = element.dataset.shows.split("=");
    follow(element.closest("form"), name, (value) => { element.hidden = !values.split("|").includes(value); });
  });
  // A policy takes a URI or a code only when it forwards or refuses; a password is typed only when it is not generated.
  document.querySelectorAll("[data-field=policy_argument]").forEach((field) => {
    follow(field.closest("form"), "policy_action", (value) => { field.hidden = !["forward", "refuse"].includes(value); });
  });
  document.querySelectorAll("[data-field=password]").forEach((field) => {
    follow(field.closest("form"), "password_mode", (value) => { field.hidden = value !== "set"; });
  });
}

function follow(form, name, show) {
  const fields = form ? [...form.querySelectorAll(`[name="${name}"]`)] : [];
  if (!fields.length) return;
  const tell = () => show(fields[0].type === "radio" ? fields.find((one) => one.checked)?.value : fields[0].value);
  fields.forEach((field) => field.addEventListener("change", tell));
  tell();
}

// A row of check boxes with one for all of them, and a count of what is ticked.
function startSelections() {
  document.querySelectorAll("[data-select-all]").forEach((all) => {
    const form = all.closest("form") ?? document;
    const boxes = () => [...form.querySelectorAll("input[data-select]")];
    const count = form.querySelector("[data-selected]");
    const tell = () => {
      const ticked = boxes().filter((box) => box.checked).length;
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
      if (count) count.textContent = ticked ? `${ticked} selected` : "None selected";
      form.querySelectorAll("[data-needs-selection]").forEach((one) => { one.disabled = !ticked; });
    };
    all.addEventListener("change", () => {
      boxes().forEach((box) => { box.checked = all.checked; });
      tell();
    });
    boxes().forEach((box) => box.addEventListener("change", tell));
    tell();
  });
}

export function startForms() {
  startConditionalFields();
  startSelections();
  document.querySelectorAll("form[data-busy]").forEach((form) => {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button.primary");
      if (button) button.textContent = form.dataset.busy;
    });
  });
}
