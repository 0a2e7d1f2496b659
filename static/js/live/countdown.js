// Expiry counts down in the browser, by the server's clock.
import { remaining } from "./text.js";

let offset = 0; // server's clock minus this computer's, in seconds

export const setServerTime = (seconds) => { offset = seconds - Date.now() / 1000; };
export const serverTime = () => Date.now() / 1000 + offset;

export function countDown(time) {
  const left = Number(time.dataset.expires) - serverTime();
  const words = remaining(left);
  if (time.textContent !== words) time.textContent = words;
  time.closest("tr")?.classList.toggle("expired", left <= 0);
}

export function startCountdowns() {
  setInterval(() => document.querySelectorAll("time[data-expires]").forEach(countDown), 1000);
}
