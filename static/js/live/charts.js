// The overview's charts: five minutes of requests and answers a second. uPlot draws them, a table tells the same.

const KEPT = 150; // samples
const HEIGHT = 150; // px

const CHARTS = {
  requests: [["register", "REGISTER", "--series-1", []], ["invite", "INVITE", "--series-2", [6, 4]]],
  answers: [
    ["success", "2xx", "--series-1", []], ["redirect", "3xx", "--series-2", [6, 4]],
    ["refused", "4xx", "--series-3", [2, 3]], ["failed", "5xx, 6xx", "--series-4", [8, 3, 2, 3]],
  ],
};

const time = (at) => new Date(at * 1000).toLocaleTimeString("en-GB");

export class Charts {
  topics = [];

  constructor(element) {
    const history = JSON.parse(element.dataset.history);
    this.samples = history.samples.slice(-KEPT);
    this.holders = [...element.querySelectorAll("[data-chart]")];
    this.charts = [];
    this.build();
    document.addEventListener("themechange", () => this.build());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.build());
    let timer;
    addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(() => this.resize(), 150); });
  }

  snapshot(message) { this.delta(message); }

  delta(message) {
    const sample = message.figures?.traffic;
    if (!sample || sample.at === this.samples.at(-1)?.at) return;
    this.samples.push(sample);
    if (this.samples.length > KEPT) this.samples.shift();
    for (const [chart, lines] of this.charts) chart.setData(this.data(lines));
    this.tell();
  }

  data(lines) {
    return [this.samples.map((sample) => sample.at), ...lines.map(([name]) => this.samples.map((sample) => sample[name] ?? 0))];
  }

  build() {
    const style = getComputedStyle(document.documentElement);
    // A canvas knows no light-dark(): the browser resolves the colour on an element first.
    const probe = document.createElement("span");
    document.body.append(probe);
    const colour = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: `11px ${style.fontFamily}` };
    for (const [chart] of this.charts) chart.destroy();
    this.charts = this.holders.map((holder) => {
      const lines = CHARTS[holder.dataset.chart];
      const options = {
        width: Math.max(200, holder.clientWidth), height: HEIGHT,
        cursor: { y: false, drag: { x: false, y: false } },
        hooks: { setCursor: [(chart) => { this.pointed = chart.cursor.idx; this.tell(); }] },
        legend: { show: false },
        scales: { y: { range: (self, low, high) => [0, Math.max(1, high * 1.1)] } },
        axes: [{ ...axis, space: 80, values: (self, ticks) => ticks.map(time) }, { ...axis, size: 42 }],
        series: [
          {},
          ...lines.map(([, label, name, dash]) => ({
            label, stroke: colour(name), width: 2, dash, points: { show: false },
          })),
        ],
      };
      holder.replaceChildren();
      return [new uPlot(options, this.data(lines), holder), lines];
    });
    probe.remove();
    this.tell();
  }

  resize() {
    this.charts.forEach(([chart], index) => chart.setSize({ width: Math.max(200, this.holders[index].clientWidth), height: HEIGHT }));
  }

  tell() {
    // Of the sample under the pointer, or the last one.
    const last = this.samples[this.pointed ?? -1] ?? this.samples.at(-1);
    document.querySelectorAll("[data-rate]").forEach((cell) => {
      const text = last ? `${(last[cell.dataset.rate] ?? 0).toFixed(1)}/s` : "–";
      if (cell.textContent !== text) cell.textContent = text;
    });
  }
}
