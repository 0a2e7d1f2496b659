// Patching cells: only what differs is touched, so that focus and selection survive.

export const $ = (selector, root = document) => root.querySelector(selector);

export const setText = (root, cell, text) => {
  const element = root.querySelector(`[data-cell="${cell}"]`);
  if (element && element.textContent !== text) element.textContent = text;
  return element;
};

const stateClass = (state) => (/^[a-z]+$/.test(state ?? "") ? state : "");

export const setState = (root, state) => {
  const element = setText(root, "state", state ?? "");
  if (element) element.className = `state ${stateClass(state)}`;
};

export const setVerdict = (element, state) => { element.className = `verdict ${stateClass(state)}`; };

export const stateElement = (state) => {
  const element = document.createElement("span");
  element.className = `state ${stateClass(state)}`;
  element.textContent = state ?? "";
  return element;
};

export const flash = (element) => {
  element.classList.remove("flash");
  void element.offsetWidth; // restarts the animation
  element.classList.add("flash");
};

export const fromTemplate = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
