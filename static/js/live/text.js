// Words for values. Everything that phones send is text, cut to what a cell can hold.

const LONGEST = 120; // characters of one value in a cell
const LONGEST_TITLE = 400; // and of the whole, on hover

export const address = (text) => String(text ?? "").replace(/^sips?:/i, "").split(";")[0];

export const clip = (text, longest = LONGEST) => {
  const characters = String(text ?? "");
  return characters.length > longest ? `${characters.slice(0, longest)}…` : characters;
};

export const whole = (text) => String(text ?? "").slice(0, LONGEST_TITLE);

export const deviceOf = (branch) =>
  [clip(branch.user_agent), branch.joined_late ? "joined late" : ""].filter(Boolean).join(", ");

export const clock = (seconds) => {
  const at = new Date(seconds * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? at.toLocaleTimeString("en-GB") : at.toLocaleString("sv-SE").slice(0, 16);
};

export const timeElement = (seconds) => {
  const element = document.createElement("time");
  if (seconds) {
    element.dateTime = new Date(seconds * 1000).toISOString();
    element.title = element.dateTime;
    element.textContent = clock(seconds);
  }
  return element;
};

// The same words as the template filter "remaining".
export const remaining = (seconds) => {
  const left = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (left <= 0) return "expired";
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.floor(left / 60)} m ${two(left % 60)} s`;
  if (left < 86400) return `${Math.floor(left / 3600)} h ${two(Math.floor((left % 3600) / 60))} m`;
  return `${Math.floor(left / 86400)} d ${Math.floor((left % 86400) / 3600)} h`;
};
