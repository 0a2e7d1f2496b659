// A phone in a page: it registers, answers, and notes what it saw in `seen`.
const seen = [];
let ua, session;

function note(session, names) {
    for (const name of names) {
        session.on(name, (data) => seen.push([name, data && data.cause].filter(Boolean).join(" ")));
    }
}

// Silence that no microphone has to be asked for.
function sound() {
    return new AudioContext().createMediaStreamDestination().stream;
}

function start(url, uri, password) {
    ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri, password, session_timers: false });
    note(ua, ["connected", "registered", "unregistered", "registrationFailed", "disconnected"]);
    ua.on("newRTCSession", (data) => {
        session = data.session;
        note(session, ["progress", "accepted", "confirmed", "ended", "failed"]);
        if (data.originator === "remote") {
            session.answer({ mediaStream: sound() });
        }
    });
    ua.on("newMessage", (data) => {
        if (data.originator === "remote") seen.push(`message ${data.request.body}`);
    });
    ua.start();
}

function call(uri) {
    ua.call(uri, { mediaStream: sound() });
}
