// Draws the part of a long table that is in view; spacers stand for the rest. Rows are of one height.

const OVERSCAN = 12; // rows drawn beyond the edges, so that a step of the wheel or of "j" finds them there

export class Window {
  // `draw(items)` gives their tbodies, `size(item)` is the number of rows of one.
  constructor(table, { draw, size }) {
    this.table = table;
    this.draw = draw;
    this.size = size;
    this.items = [];
    this.starts = [0]; // row at which each item begins, and the end
    this.rowHeight = 42;
    this.above = spacer(table);
    this.below = spacer(table);
    let isScheduled = false;
    const schedule = () => {
      if (isScheduled) return;
      isScheduled = true;
      requestAnimationFrame(() => { isScheduled = false; this.refresh(); });
    };
    addEventListener("scroll", schedule, { passive: true });
    addEventListener("resize", () => { this.isMeasured = false; schedule(); });
  }

  show(items) {
    this.items = items;
    this.starts = [0];
    for (const item of items) this.starts.push(this.starts.at(-1) + this.size(item));
    this.range = null;
    this.refresh();
  }

  refresh() {
    const top = this.table.getBoundingClientRect().top + (this.table.tHead?.offsetHeight ?? 0);
    const firstRow = Math.max(0, Math.floor(-top / this.rowHeight) - OVERSCAN);
    const lastRow = Math.ceil((innerHeight - top) / this.rowHeight) + OVERSCAN;
    const from = Math.max(0, this.find(firstRow));
    const to = Math.min(this.items.length, this.find(lastRow) + 1);
    if (this.range && this.range[0] === from && this.range[1] === to) return;
    this.range = [from, to];
    const bodies = this.draw(this.items.slice(from, to));
    stretch(this.above, this.starts[from] * this.rowHeight);
    stretch(this.below, (this.starts.at(-1) - this.starts[to]) * this.rowHeight);
    this.place(bodies);
    this.measure(bodies);
  }

  // Bodies that are in their place are not touched: what has the focus keeps it.
  place(bodies) {
    const keep = new Set([this.above, this.below, ...bodies]);
    for (const body of [...this.table.tBodies]) if (!keep.has(body)) body.remove();
    let next = this.table.tBodies[0] ?? null;
    for (const body of [this.above, ...bodies, this.below]) {
      if (body === next) next = next.nextElementSibling;
      else this.table.insertBefore(body, next);
    }
  }

  measure(bodies) {
    if (this.isMeasured || !bodies.length) return;
    this.isMeasured = true;
    const rows = bodies.reduce((sum, body) => sum + body.rows.length, 0);
    const height = (bodies.at(-1).getBoundingClientRect().bottom - bodies[0].getBoundingClientRect().top) / rows;
    if (height > 10 && Math.abs(height - this.rowHeight) > 0.5) {
      this.rowHeight = height;
      this.range = null;
      this.refresh();
    }
  }

  // The item that holds a row.
  find(row) {
    let low = 0, high = this.items.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function spacer(table) {
  const body = document.createElement("tbody");
  body.className = "spacer";
  body.setAttribute("aria-hidden", "true");
  const cell = body.insertRow().insertCell();
  cell.colSpan = table.tHead?.rows[0]?.cells.length ?? 1;
  return body;
}

function stretch(body, height) {
  const cell = body.rows[0].cells[0];
  const text = `${Math.round(height)}px`;
  if (cell.style.height !== text) cell.style.height = text;
  body.hidden = height < 1;
}
