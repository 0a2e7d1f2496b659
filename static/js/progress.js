// The progress bar of something that goes on in the server; the page is read again when it is over.

const INTERVAL = 400; // ms
const section = document.querySelector("[data-progress]");

async function look() {
  let facts;
  try {
    const answer = await fetch(section.dataset.progress, { headers: { Accept: "application/json" } });
    if (!answer.ok) {
      location.reload();
      return;
    }
    facts = await answer.json();
  } catch {
    setTimeout(look, INTERVAL * 5); // the server is away; it may come back
    return;
  }
  if (!["checking", "importing"].includes(facts.state)) {
    location.reload();
    return;
  }
  section.querySelector("progress").value = facts.percent;
  section.querySelector("[data-progress-text]").textContent = facts.done >= facts.total && facts.total
    ? "All rows are checked; the database writes them"
    : `${facts.done.toLocaleString("en")} of ${facts.total.toLocaleString("en")} rows`;
  setTimeout(look, INTERVAL);
}

if (section) setTimeout(look, INTERVAL);
