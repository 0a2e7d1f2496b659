// Live pages: a snapshot, then deltas, over /ws/live/. Everything that phones send is text, never markup.
//
// An element with `data-live="kind"` is kept current by the view of that kind below. A view has `topics` (what it
// needs to hear of), `snapshot(message)`, `delta(message)` and, if it likes, `summary` for screen readers.
import { $ } from "./live/cells.js";
import { OneCall } from "./live/call.js";
import { Calls } from "./live/calls.js";
import { Charts } from "./live/charts.js";
import { Connect } from "./live/connect.js";
import { setServerTime, startCountdowns } from "./live/countdown.js";
import { Failures } from "./live/failures.js";
import { showFigures } from "./live/figures.js";
import { Link } from "./live/link.js";
import { Pill } from "./live/pill.js";
import { Registrations } from "./live/registrations.js";
import { Security } from "./live/security.js";
import { Trace } from "./live/trace.js";

const KINDS = {
  bindings: Registrations, call: OneCall, calls: Calls, charts: Charts, connect: Connect, failures: Failures,
  security: Security, trace: Trace,
};
const ANNOUNCE_INTERVAL = 10_000; // ms between two sentences for screen readers
const MOST_WAITING = 500; // messages held back while paused; above it the whole is read again

const elements = [...document.querySelectorAll("[data-live]")].filter((element) => element.dataset.live in KINDS);
const views = elements.map((element) => new KINDS[element.dataset.live](element));
const topics = [...new Set(views.flatMap((view) => view.topics))].sort();

let waiting = []; // messages held back while paused or until the next frame
let isScheduled = false;
let mustAsk = false; // too much was missed while paused
let news = 0; // changes heard of in this pause; no snapshot takes them back

const pill = new Pill((isPaused) => {
  news = 0;
  if (isPaused) return;
  if (mustAsk) link.ask();
  mustAsk = false;
  apply();
});

function apply() {
  isScheduled = false;
  if (pill.isPaused) return;
  const messages = waiting;
  waiting = [];
  for (const message of messages) {
    for (const view of views) view[message.type](message);
    showFigures(message.figures);
  }
}

function changesIn(message) {
  return message.type === "delta" ? (message.bindings?.length ?? 0) + (message.calls?.length ?? 0) : 0;
}

function take(message) {
  if (message.type === "snapshot") waiting = []; // older deltas are part of it
  waiting.push(message);
  if (pill.isPaused) {
    if (waiting.length > MOST_WAITING) {
      waiting = [];
      mustAsk = true;
    }
    news += changesIn(message);
    pill.count(news);
  } else if (!isScheduled) {
    isScheduled = true;
    // Hidden pages get no frames; they still have to keep up.
    if (document.hidden) setTimeout(apply, 0);
    else requestAnimationFrame(apply);
  }
}

const query = elements.find((element) => element.dataset.q)?.dataset.q ?? "";
const link = new Link(topics, query, {
  take,
  tell: (state) => pill.show(state, link.lastHeardAt),
  heard: (message) => { if (message.at) setServerTime(message.at); },
});
for (const view of views) Object.assign(view, { link, pause: pill });

const announcer = $("[data-announce]");
if (announcer) {
  setInterval(() => {
    const summary = views.map((view) => view.summary).filter(Boolean).join(". ");
    if (summary && announcer.textContent !== summary) announcer.textContent = summary;
  }, ANNOUNCE_INTERVAL);
}

startCountdowns();
link.start();
