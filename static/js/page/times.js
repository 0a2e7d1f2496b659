// Times are printed in UTC by the server; show them as this computer's clock does, with the exact time on hover.

export function localTime(element) {
  const at = new Date(element.getAttribute("datetime"));
  if (Number.isNaN(at.getTime()) || element.dataset.expires) return;
  const isToday = at.toDateString() === new Date().toDateString();
  element.textContent = isToday ? at.toLocaleTimeString("en-GB") : at.toLocaleString("sv-SE").slice(0, 16);
  element.title = at.toISOString();
}

export function startTimes() {
  document.querySelectorAll("time[datetime]").forEach(localTime);
}
