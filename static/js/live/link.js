// The live socket: a snapshot (in parts), deltas in sequence, gaps read again, heartbeats, reconnection with jitter.

const SILENCE = 20_000; // ms without a message, heartbeats included, before the page calls itself offline
const LONGEST_PAUSE = 30_000; // ms between two tries to connect
const SESSION_ENDED = 4401;

export class Link {
  // `topics`: what the page shows. `take(message)` gets whole snapshots and deltas; `tell(state)` live or lost.
  constructor(topics, query, { take, tell, heard }) {
    this.topics = topics;
    this.query = query;
    this.take = take;
    this.tell = tell;
    this.heard = heard;
    this.lastHeardAt = Date.now();
    this.attempts = 0;
    this.sequence = -1;
    this.isAsking = false;
    this.parts = null; // of a snapshot that is arriving
  }

  start() {
    this.connect();
    setInterval(() => this.watch(), 1000);
    // Coming back to a page that slept: do not wait for the next try.
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.watch(); });
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const asked = new URLSearchParams({ topics: this.topics.join(",") });
    if (this.query) asked.set("q", this.query);
    this.isAsking = false;
    this.parts = null;
    this.socket = new WebSocket(`${scheme}://${location.host}/ws/live/?${asked}`);
    this.socket.addEventListener("message", (event) => this.receive(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => this.closed(event.code));
  }

  closed(code) {
    if (code === SESSION_ENDED) { // the server will ask for the login
      location.reload();
      return;
    }
    this.tell("lost");
    this.attempts += 1;
    if (this.attempts > 1) askForLogin();
    const longest = Math.min(LONGEST_PAUSE, 500 * 2 ** this.attempts);
    setTimeout(() => this.connect(), longest / 2 + Math.random() * (longest / 2));
  }

  watch() {
    if (Date.now() - this.lastHeardAt <= SILENCE) return;
    this.tell("lost");
    if (this.socket.readyState === WebSocket.OPEN) this.socket.close(4000);
  }

  receive(message) {
    this.lastHeardAt = Date.now();
    this.attempts = 0;
    this.heard(message);
    this.tell("live");
    if (message.type === "snapshot") {
      this.collect(message);
    } else if (message.type === "delta") {
      if (message.seq <= this.sequence) return;
      const hasGap = message.seq !== this.sequence + 1;
      this.sequence = message.seq;
      this.take(message);
      if (hasGap) this.ask();
    } else if (message.type === "gap") {
      this.sequence = Math.max(this.sequence, message.seq);
      this.ask();
    } else if (message.type === "hb" && message.seq > this.sequence) {
      this.ask();
    }
  }

  // Ten thousand bindings come in parts, so that no single message blocks the page.
  collect(message) {
    if (message.part === 0 || !this.parts) this.parts = { ...message, bindings: [], calls: [] };
    this.parts.bindings.push(...(message.bindings ?? []));
    this.parts.calls.push(...(message.calls ?? []));
    if (message.part + 1 < message.parts) return;
    const whole = this.parts;
    this.parts = null;
    this.isAsking = false;
    this.sequence = whole.seq;
    this.take(whole);
  }

  ask() {
    if (this.isAsking || this.socket.readyState !== WebSocket.OPEN) return;
    this.isAsking = true;
    this.socket.send(JSON.stringify({ type: "snapshot" }));
  }

  // Another filter for the server's snapshot.
  askFor(query) {
    this.query = query;
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.isAsking = true;
    this.socket.send(JSON.stringify({ type: "snapshot", q: query }));
  }
}

// A refused socket looks like a lost one; a page that wants the login tells them apart.
async function askForLogin() {
  try {
    const answer = await fetch(location.pathname, { method: "HEAD", redirect: "manual" });
    if (answer.type === "opaqueredirect") location.reload();
  } catch {
    // Still offline: the next try comes.
  }
}
