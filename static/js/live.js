// Live pages: a snapshot, then deltas, over /ws/live/. Everything that phones send is text, never markup.
"use strict";

(() => {
  const SILENCE = 20_000; // ms without a message, heartbeats included, before the page calls itself offline
  const ANNOUNCE_INTERVAL = 10_000; // ms between two sentences for screen readers
  const LONGEST = 120; // characters of one value in a cell

  const $ = (selector, root = document) => root.querySelector(selector);
  const address = (text) => String(text ?? "").replace(/^sips?:/i, "").split(";")[0];
  const clip = (text) => {
    const characters = String(text ?? "");
    return characters.length > LONGEST ? `${characters.slice(0, LONGEST)}…` : characters;
  };
  const setText = (root, cell, text) => {
    const element = root.querySelector(`[data-cell="${cell}"]`);
    if (element && element.textContent !== text) element.textContent = text;
    return element;
  };
  const setState = (root, state) => {
    const element = setText(root, "state", state ?? "");
    if (element) element.className = `state ${/^[a-z]+$/.test(state ?? "") ? state : ""}`;
  };
  const clock = (seconds) => {
    const at = new Date(seconds * 1000);
    const isToday = at.toDateString() === new Date().toDateString();
    return isToday ? at.toLocaleTimeString("en-GB") : at.toLocaleString("sv-SE").slice(0, 16);
  };
  const timeElement = (seconds) => {
    const element = document.createElement("time");
    if (seconds) {
      element.dateTime = new Date(seconds * 1000).toISOString();
      element.title = element.dateTime;
      element.textContent = clock(seconds);
    }
    return element;
  };
  const remaining = (seconds) => {
    const whole = Math.floor(seconds);
    const two = (number) => String(number).padStart(2, "0");
    if (whole <= 0) return "expired";
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
    if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} m`;
    return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
  };
  const isGone = (facts) => facts.change === "removed" || facts.change === "expired";
  const flash = (element) => {
    element.classList.remove("flash");
    void element.offsetWidth; // restarts the animation
    element.classList.add("flash");
  };
  let clockOffset = 0; // server's clock minus this computer's, in seconds: countdowns follow the server

  // --- Bindings ---
  function fillBinding(row, facts) {
    row.dataset.id = facts.id;
    const contact = setText(row, "contact", clip(address(facts.contact)));
    contact.title = String(facts.contact ?? "").slice(0, 400);
    setText(row, "q", String(Math.round((facts.q ?? 1) * 1000) / 1000));
    setText(row, "transport", String(facts.transport ?? "").toUpperCase());
    setText(row, "source", clip(facts.received_from));
    const device = setText(row, "device", clip(facts.user_agent));
    device.title = String(facts.user_agent ?? "").slice(0, 400);
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

  class Registrations {
    constructor(table) {
      this.table = table;
      this.text = (table.dataset.q || "").toLowerCase();
      this.groups = new Map(); // address-of-record -> Map of binding id -> facts
      this.bodies = new Map(); // address-of-record -> its tbody
      this.news = 0;
    }

    matches(facts) {
      if (!this.text) return true;
      const [name, domain] = this.text.split("@");
      if (domain !== undefined) {
        const [user, host] = address(facts.aor).toLowerCase().split("@");
        return user.includes(name) && (host ?? "").includes(domain);
      }
      return [facts.aor, facts.contact, facts.received_from, facts.user_agent]
        .some((value) => String(value ?? "").toLowerCase().includes(this.text));
    }

    snapshot(message) {
      this.groups.clear();
      for (const facts of message.bindings) this.keep(facts);
      for (const [aor, body] of this.bodies) {
        if (!this.groups.has(aor)) {
          body.remove();
          this.bodies.delete(aor);
        }
      }
      if (!this.bodies.size) this.table.querySelectorAll("tbody").forEach((body) => this.adopt(body));
      for (const aor of this.groups.keys()) this.draw(aor, null);
      this.count();
    }

    adopt(body) { // what the server drew
      if (this.groups.has(body.dataset.aor)) this.bodies.set(body.dataset.aor, body);
      else body.remove();
    }

    delta(message) {
      for (const facts of message.bindings) {
        this.keep(facts);
        this.draw(facts.aor, facts.id);
      }
      if (message.bindings.length) this.count();
    }

    keep(facts) {
      const group = this.groups.get(facts.aor) ?? new Map();
      if (isGone(facts) || !this.matches(facts)) group.delete(facts.id);
      else group.set(facts.id, facts);
      if (group.size) this.groups.set(facts.aor, group);
      else this.groups.delete(facts.aor);
    }

    draw(aor, changed) {
      const group = this.groups.get(aor);
      let body = this.bodies.get(aor);
      if (!group) {
        body?.remove();
        this.bodies.delete(aor);
        return;
      }
      if (!body) {
        body = document.createElement("tbody");
        body.dataset.aor = aor;
        this.place(body, aor);
        this.bodies.set(aor, body);
      }
      const facts = [...group.values()].sort((one, other) => other.q - one.q || other.refreshed_at - one.refreshed_at);
      const rows = new Map([...body.rows].map((row) => [row.dataset.id, row]));
      let head = $("th", body);
      if (!head) {
        head = $("#aor-head").content.firstElementChild.cloneNode(true);
        $("bdi", head).textContent = address(aor);
      }
      const wanted = facts.map((one) => {
        const row = rows.get(String(one.id)) ?? $("#binding-row").content.firstElementChild.cloneNode(true);
        fillBinding(row, one);
        return row;
      });
      // Rows that stay are not moved, so that focus and selection in them survive.
      for (const row of [...body.rows]) if (!wanted.includes(row)) row.remove();
      wanted.forEach((row, index) => {
        if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
      });
      head.rowSpan = wanted.length;
      if (wanted[0].firstElementChild !== head) wanted[0].prepend(head);
      const row = wanted.find((one) => one.dataset.id === String(changed));
      if (row) flash(row);
    }

    place(body, aor) { // in the order of domain and name, as the server sorts
      const key = (text) => address(text).split("@").reverse().join(" ");
      const next = [...this.table.tBodies].find((one) => key(one.dataset.aor) > key(aor));
      this.table.insertBefore(body, next ?? null);
    }

    count() {
      let contacts = 0;
      for (const group of this.groups.values()) contacts += group.size;
      const show = (name, number) => { const element = $(`[data-count=${name}]`); if (element) element.textContent = number; };
      show("contacts", contacts);
      show("aors", this.groups.size);
      $("[data-empty=bindings]").hidden = this.groups.size > 0;
      this.summary = `${contacts} contacts of ${this.groups.size} addresses are registered`;
    }
  }

  class Latest { // the overview's short list
    constructor(table) {
      this.table = table;
      this.most = Number(table.dataset.most);
      this.known = new Map();
    }

    snapshot(message) {
      this.known = new Map(message.bindings.map((facts) => [facts.id, facts]));
      this.draw();
    }

    delta(message) {
      for (const facts of message.bindings) {
        if (isGone(facts)) this.known.delete(facts.id);
        else this.known.set(facts.id, facts);
      }
      if (message.bindings.length) this.draw(new Set(message.bindings.map((facts) => String(facts.id))));
    }

    draw(changed = new Set()) {
      const facts = [...this.known.values()].filter((one) => !isGone(one))
        .sort((one, other) => other.refreshed_at - one.refreshed_at).slice(0, this.most);
      const body = this.table.tBodies[0];
      const rows = new Map([...body.rows].map((row) => [row.dataset.id, row]));
      body.replaceChildren(...facts.map((one) => {
        const row = rows.get(String(one.id)) ?? $("#latest-row").content.firstElementChild.cloneNode(true);
        setText(row, "aor", clip(address(one.aor)));
        fillBinding(row, one);
        if (changed.has(row.dataset.id)) flash(row);
        return row;
      }));
      $("[data-empty=latest]").hidden = facts.length > 0;
    }
  }

  // --- Calls ---
  function fillBranch(item, branch) {
    setState(item, branch.state);
    setText(item, "status", String(branch.status ?? ""));
    setText(item, "target", clip(address(branch.target)));
    setText(item, "device", clip(branch.user_agent));
  }

  class Calls {
    constructor(table) {
      this.table = table;
      this.most = Number(table.dataset.most);
      this.started = new Map(); // call id -> when, for the order of the rows
    }

    snapshot(message) {
      const ids = new Set(message.calls.map((facts) => String(facts.id)));
      for (const body of [...this.table.tBodies]) if (!ids.has(body.dataset.id)) body.remove();
      for (const facts of message.calls) this.draw(facts, false);
      this.trim();
    }

    delta(message) {
      for (const facts of message.calls) this.draw(facts, true);
      if (message.calls.length) {
        this.trim();
        this.summary = `${message.calls.length} call attempts changed`;
      }
    }

    draw(facts, isNews) {
      const id = String(facts.id);
      let body = [...this.table.tBodies].find((one) => one.dataset.id === id);
      this.started.set(id, facts.started_at ?? 0);
      if (!body) {
        body = document.createElement("tbody");
        body.dataset.id = id;
        body.append($("#call-rows").content.cloneNode(true));
        const next = [...this.table.tBodies].find((one) => (this.started.get(one.dataset.id) ?? 0) <= facts.started_at);
        this.table.insertBefore(body, next ?? null);
      }
      $("[data-cell=when]", body).replaceChildren(timeElement(facts.started_at));
      setText(body, "caller", clip(address(facts.caller)));
      setText(body, "callee", clip(address(facts.callee)));
      setText(body, "decision", facts.decision ?? "");
      const row = body.rows[0];
      setState(row, facts.state);
      setText(row, "status", String(facts.status ?? ""));
      setText(row, "why", String(facts.explanation || "in progress").slice(0, 300));
      const link = $("[data-cell=link]", row);
      link.setAttribute("href", link.getAttribute("href").replace(/\/-?\d+\/$/, `/${id}/`));
      const list = $("[data-branches]", body);
      const branches = facts.branches ?? [];
      branches.forEach((branch, index) => {
        const item = list.children[index] ?? list.appendChild($("#branch").content.firstElementChild.cloneNode(true));
        fillBranch(item, branch);
      });
      while (list.children.length > branches.length) list.lastElementChild.remove();
      $(".branch-row", body).hidden = !branches.length;
      if (isNews) flash(row);
    }

    trim() {
      while (this.table.tBodies.length > this.most) {
        this.started.delete(this.table.tBodies[this.table.tBodies.length - 1].dataset.id);
        this.table.tBodies[this.table.tBodies.length - 1].remove();
      }
      $("[data-empty=calls]").hidden = this.table.tBodies.length > 0;
    }
  }

  class OneCall { // the detail page of a call that is still going on
    constructor(article) { this.article = article; }

    snapshot(message) { this.delta(message); }

    delta(message) {
      const facts = message.calls.find((one) => String(one.id) === this.article.dataset.id);
      if (!facts) return;
      const verdict = $(".verdict", this.article);
      verdict.className = `verdict ${/^[a-z]+$/.test(facts.state ?? "") ? facts.state : ""}`;
      setState(verdict, facts.state);
      setText(verdict, "status", String(facts.status ?? ""));
      setText(verdict, "reason", clip(facts.reason));
      setText(verdict, "why", facts.explanation || "in progress");
      if (facts.ringing_at) $("[data-cell=ringing]", this.article).replaceChildren(timeElement(facts.ringing_at));
      if (facts.ended_at) $("[data-cell=ended]", this.article).replaceChildren(timeElement(facts.ended_at));
      this.steps(facts.steps ?? []);
      this.branches(facts.branches ?? []);
    }

    steps(steps) {
      if (!steps.length) return;
      $("[data-steps]", this.article).replaceChildren(...steps.map((step) => {
        const [words, rule, section] = Array.isArray(step) ? step
          : typeof step === "string" ? [step] : [step.text, step.rule, step.section];
        const item = document.createElement("li");
        const text = document.createElement("bdi");
        text.textContent = words ?? "";
        item.append(text);
        if (section || rule) {
          const mark = document.createElement("span");
          mark.className = "rule";
          mark.textContent = section ? (/^\d/.test(section) ? `§${section}` : section) : rule;
          item.append(" ", mark);
        }
        return item;
      }));
    }

    branches(branches) {
      const body = $("[data-branch-table] tbody", this.article);
      $("[data-branch-table]", this.article).hidden = !branches.length;
      $("[data-empty=branches]", this.article).hidden = branches.length > 0;
      body.replaceChildren(...branches.map((branch) => {
        const row = document.createElement("tr");
        const cell = (content, name = "") => {
          const element = row.insertCell();
          element.className = name;
          if (content instanceof Node) element.append(content);
          else element.textContent = clip(content);
          return element;
        };
        cell(branch.position + 1, "number");
        cell(branch.group + 1, "number");
        const target = document.createElement("bdi");
        target.className = "uri";
        target.textContent = clip(address(branch.target));
        target.title = String(branch.target ?? "").slice(0, 400);
        cell(target);
        cell(branch.next_hop);
        cell(branch.user_agent);
        const state = document.createElement("span");
        state.className = `state ${/^[a-z]+$/.test(branch.state ?? "") ? branch.state : ""}`;
        state.textContent = branch.state ?? "";
        cell(state);
        cell(`${branch.status ?? ""} ${branch.reason ?? ""}`, "code");
        cell(timeElement(branch.started_at));
        cell(timeElement(branch.ended_at));
        return row;
      }));
    }
  }

  // --- Figures ---
  function showFigures(figures) {
    if (!figures) return;
    for (const name of ["registered", "contacts", "calls_in_progress", "calls_last_hour"]) {
      const element = $(`[data-figure=${name}]`);
      if (element) element.textContent = figures[name];
    }
    const card = $("[data-engine]");
    if (card && figures.engine) {
      card.dataset.engine = figures.engine.is_up ? "up" : "down";
      $("[data-figure=engine]").textContent = figures.engine.is_up ? "running" : "not running";
      $("[data-figure=engine_sentence]").textContent = figures.engine.sentence;
    }
  }

  // --- Countdowns ---
  function countDown(time) {
    const left = Number(time.dataset.expires) - (Date.now() / 1000 + clockOffset);
    const words = remaining(left);
    if (time.textContent !== words) time.textContent = words;
    time.closest("tr")?.classList.toggle("expired", left <= 0);
  }
  setInterval(() => document.querySelectorAll("time[data-expires]").forEach(countDown), 1000);

  // --- The socket ---
  const KINDS = { bindings: Registrations, latest: Latest, calls: Calls, call: OneCall };
  const views = [...document.querySelectorAll("[data-live]")].map((element) => new KINDS[element.dataset.live](element));
  const light = $("[data-link-state]");
  const pauseButton = $("[data-pause]");
  let socket = null;
  let sequence = -1;
  let attempts = 0;
  let lastHeardAt = Date.now();
  let isPaused = false;
  let waiting = []; // messages held back while paused or until the next frame
  let isScheduled = false;
  let isAsking = false;

  function showLink(state, text) {
    light.hidden = false;
    light.dataset.linkState = state;
    $("[data-link-text]").textContent = text;
    const isOffline = state === "lost";
    $("[data-offline]").hidden = !isOffline;
    document.body.classList.toggle("stale", isOffline);
    if (isOffline) {
      $("[data-offline-text]").textContent =
        `What you see is as of ${new Date(lastHeardAt).toLocaleTimeString("en-GB")}. Trying to reconnect.`;
    }
  }

  function apply() {
    isScheduled = false;
    if (isPaused) return;
    const messages = waiting;
    waiting = [];
    for (const message of messages) {
      for (const view of views) view[message.type](message);
      showFigures(message.figures);
    }
  }

  function countNews() {
    const news = waiting.reduce((sum, message) => sum + (message.bindings?.length ?? 0) + (message.calls?.length ?? 0), 0);
    pauseButton.textContent = news ? `Paused, ${news} new: show` : "Paused: go on";
  }

  function take(message) {
    if (message.type === "snapshot") waiting = []; // older deltas are part of it
    waiting.push(message);
    if (isPaused) {
      if (waiting.length > 500) waiting.splice(0, waiting.length, { type: "delta", bindings: [], calls: [] }), askAgain();
      countNews();
    } else if (!isScheduled) {
      isScheduled = true;
      // Hidden pages get no frames; they still have to keep up.
      if (document.hidden) setTimeout(apply, 0);
      else requestAnimationFrame(apply);
    }
  }

  function askAgain() {
    if (isAsking) return;
    isAsking = true;
    socket.send(JSON.stringify({ type: "snapshot" }));
  }

  function heard(event) {
    const message = JSON.parse(event.data);
    lastHeardAt = Date.now();
    attempts = 0;
    if (message.at) clockOffset = message.at - Date.now() / 1000;
    if (!isPaused) showLink("live", "Live");
    if (message.type === "snapshot") {
      isAsking = false;
      sequence = message.seq;
      take(message);
    } else if (message.type === "delta") {
      if (message.seq <= sequence) return;
      const hasGap = message.seq !== sequence + 1;
      sequence = message.seq;
      take(message);
      if (hasGap) askAgain();
    } else if (message.type === "gap") {
      sequence = Math.max(sequence, message.seq);
      askAgain();
    } else if (message.type === "hb" && message.seq > sequence) {
      askAgain();
    }
  }

  // A refused socket looks like a lost one; a page that wants the login tells them apart.
  async function askForLogin() {
    try {
      const answer = await fetch(location.pathname, { method: "HEAD", redirect: "manual" });
      if (answer.type === "opaqueredirect") location.reload();
    } catch {
      // Still offline: connect() tries again.
    }
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const text = $("[data-live][data-q]")?.dataset.q ?? "";
    isAsking = false;
    socket = new WebSocket(`${scheme}://${location.host}/ws/live/${text ? `?q=${encodeURIComponent(text)}` : ""}`);
    socket.addEventListener("message", heard);
    socket.addEventListener("close", (event) => {
      if (event.code === 4401) { // the session has ended: the server will ask for the login
        location.reload();
        return;
      }
      showLink("lost", "Offline");
      attempts += 1;
      if (attempts > 1) askForLogin();
      const longest = Math.min(30_000, 500 * 2 ** attempts);
      setTimeout(connect, longest / 2 + Math.random() * (longest / 2));
    });
  }

  setInterval(() => {
    if (Date.now() - lastHeardAt > SILENCE) {
      showLink("lost", "Offline");
      if (socket.readyState === WebSocket.OPEN) socket.close(4000);
    }
  }, 1000);

  if (pauseButton) {
    pauseButton.hidden = false;
    pauseButton.addEventListener("click", () => {
      isPaused = !isPaused;
      pauseButton.setAttribute("aria-pressed", String(isPaused));
      if (isPaused) {
        countNews();
        showLink("paused", "Paused");
      } else {
        pauseButton.textContent = "Pause";
        showLink("live", "Live");
        apply();
      }
    });
  }

  const announcer = $("[data-announce]");
  if (announcer) {
    setInterval(() => {
      const summary = views.map((view) => view.summary).filter(Boolean).join(". ");
      if (summary && announcer.textContent !== summary) announcer.textContent = summary;
    }, ANNOUNCE_INTERVAL);
  }

  if (views.length) connect();
})();
