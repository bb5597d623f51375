"use strict";
// The double's client. What it shows is one document, the view, which the server sends whenever it changes.
const query = new URLSearchParams(location.search);
const token = query.get("sessionToken");
const byId = (id) => document.getElementById(id);
let view = null;
let entered = false;

const TEXTS = {
  en: {
    guestWait: "Please wait for a moderator to approve you joining the session.",
    guestAllow: "Guest approved and redirecting to session.",
    guestDeny: "Guest denied of joining the session.",
    lobby: "BigBlueButton - Guest Lobby",
    first: "You are the first in line!",
    position: "Your current position in waiting queue: ",
    home: "You will be forwarded back to the home screen",
    endedBy: "This session was ended by ",
    ended: "This session has ended",
    ENDED_FROM_API: "The session was terminated by the system",
    ENDED_WHEN_NOT_JOINED: "The session was ended because no users joined",
    ENDED_WHEN_LAST_USER_LEFT: "The session was ended when the last user left",
    ENDED_AFTER_USER_LOGGED_OUT: "The session was ended when the last user left",
    ENDED_AFTER_EXCEEDING_DURATION: "session was ended due to exceeding the maximum duration",
    ENDED_DUE_TO_NO_MODERATOR: "The session has ended because no moderator has been present in the session",
    ENDED_DUE_TO_SERVICE_INTERRUPTION: "The session has terminated due to a temporary service interruption",
    duplicate_user_in_meeting_eject_reason: "Duplicate user trying to join session",
    not_enough_permission_eject_reason: "Ejected due to permission violation",
    user_requested_eject_reason: "You have been removed from the session",
    system_requested_eject_reason: "You have been removed from the session",
    validate_token_failed_eject_reason: "Failed to validate authorization token",
    user_inactivity_eject_reason: "User inactive for too long",
    banned_user_rejoining_reason: "User has been banned",
    user_logged_out_reason: "You have logged out of the conference",
    max_participants_reason: "The maximum number of participants allowed for this session has been reached",
    400: "Bad Request", 401: "Unauthorized", 403: "You have been removed from the session", 404: "Not found",
    408: "Authentication failed", 409: "Conflict", 410: "Session has ended", 500: "Ops, something went wrong",
    503: "You have been disconnected",
  },
  de: {
    guestWait: "Bitte warten Sie, bis ein Moderator Ihre Teilnahme an der Konferenz freigibt.",
    guestAllow: "Gast zugelassen und zur Konferenz weitergeleitet.",
    guestDeny: "Der Moderator hat die Teilnahme an der Konferenz abgelehnt.",
    lobby: "BigBlueButton - Wartebereich für Gäste",
    first: "Sie sind der Erste in der Warteschlange!",
    position: "Aktuelle Position in der Warteschlange: ",
    home: "Sie werden zum Startbildschirm weitergeleitet",
    endedBy: "Diese Konferenz wurde beendet durch ",
    ended: "Diese Konferenz wurde beendet",
    duplicate_user_in_meeting_eject_reason: "Bereits anwesender Teilnehmer versucht erneut der Konferenz beizutreten",
    user_requested_eject_reason: "Sie wurden aus der Konferenz entfernt",
    system_requested_eject_reason: "Sie wurden aus der Konferenz entfernt",
    user_inactivity_eject_reason: "Teilnehmer war zu lange inaktiv",
    banned_user_rejoining_reason: "Teilnehmer wurde gesperrt",
    user_logged_out_reason: "Sie haben die Konferenz verlassen",
    500: "Ups, irgendwas ist schiefgelaufen", 503: "Verbindung wurde getrennt",
  },
};
function text(key) {
  const locale = (userdata("override_default_locale") || navigator.language || "en").slice(0, 2);
  return (TEXTS[locale] || {})[key] || TEXTS.en[key] || TEXTS.en.ended;
}

function userdata(name) {
  return view.stubborn ? undefined : view.params["userdata-bbb_" + name];
}

function report(what, detail) {
  fetch("/double/report?sessionToken=" + token, { method: "POST", keepalive: true, body: JSON.stringify({ what, detail: String(detail ?? "") }) });
}

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "onclick") {
      made.onclick = () => {
        report("clicked", attributes["data-test"] || made.textContent);
        value();
      };
    } else {
      made.setAttribute(name, value);
    }
  }
  made.append(...children);
  return made;
}

const button = (test, label, onclick) => element("button", { "data-test": test, "aria-label": label, onclick }, label);

// ---- sound: 1 kHz for 80 ms on every full second, as early as the output delay asks for --------------------------------------

const BEEP_MS = 80;
let context = null;
let nextBeep = 0;

function startSound() {
  if (context) return;
  context = new AudioContext({ latencyHint: "interactive", sampleRate: 48000 });
  context.resume();
  if (view.audio !== "live_kit" && view.audio !== "live_kit_settings") {
    // The SFU path plays through this element; here it stands for it and stays mute.
    const remote = byId("remote-media");
    remote.muted = true;
    remote.srcObject = context.createMediaStreamDestination().stream;
    remote.play().catch(() => {});
  }
  setInterval(scheduleBeep, 100);
  setTimeout(() => {
    if (!context) return;
    report("sound", context.state);
    if (context.state !== "running") show("autoplay");
  }, 500);
}

function stopSound() {
  if (context) context.close();
  context = null;
  byId("remote-media").srcObject = null;
}

// When the sample of this context time is heard, as far as the browser knows.
function contextTimeAt(unixMs) {
  const output = context.getOutputTimestamp();
  const fresh = output.contextTime > 0 && Math.abs(performance.now() - output.performanceTime) < 1000;
  if (fresh) return output.contextTime + (unixMs - (performance.timeOrigin + output.performanceTime)) / 1000;
  return context.currentTime - (context.outputLatency || 0) + (unixMs - Date.now()) / 1000;
}

function scheduleBeep() {
  const next = (Math.floor(Date.now() / 1000) + 1) * 1000;
  if (!context || context.state !== "running" || view.silent || next <= nextBeep || next - Date.now() > 500) return;
  const from = contextTimeAt(next);
  if (from <= context.currentTime) return;
  nextBeep = next;
  report("beep", next);
  const tone = new OscillatorNode(context, { frequency: 1000 });
  const level = new GainNode(context, { gain: 0.5 });
  tone.connect(level).connect(context.destination);
  tone.start(from);
  tone.stop(from + BEEP_MS / 1000);
}

// ---- picture ------------------------------------------------------------------------------------------------------------------

const CELLS = 28;
const BITS = 24;
const MODULUS_MS = 2 ** BITS;

// The same cells as `bluecast::media::strip::cells`.
function cells(unixMs) {
  const value = unixMs % MODULUS_MS;
  const gray = (value ^ (value >>> 1)) >>> 0;
  const cells = new Array(CELLS).fill(false);
  cells[0] = true;
  cells[CELLS - 1] = true;
  let parity = false;
  for (let index = 0; index < BITS; index++) {
    const bit = ((gray >>> (BITS - 1 - index)) & 1) === 1;
    cells[2 + index] = bit;
    parity = parity !== bit;
  }
  cells[2 + BITS] = parity;
  return cells;
}

function fitStrip() {
  const strip = byId("strip");
  strip.width = innerWidth;
  strip.height = Math.max(8, Math.floor(innerHeight / 24)) & ~1;
}

function paintStrip(now) {
  const strip = byId("strip");
  const pen = strip.getContext("2d", { alpha: false, desynchronized: false });
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, strip.width, strip.height);
  pen.fillStyle = "#fff";
  cells(now).forEach((white, index) => {
    if (!white) return;
    const from = Math.ceil((index * strip.width) / CELLS);
    pen.fillRect(from, 0, Math.ceil(((index + 1) * strip.width) / CELLS) - from, strip.height);
  });
}

// Tells the double what lies in the canvas, for the test that compares both languages.
function readStrip() {
  const strip = byId("strip");
  const now = Date.now();
  paintStrip(now);
  const row = strip.getContext("2d").getImageData(0, strip.height / 2, strip.width, 1).data;
  const luma = Array.from({ length: strip.width }, (_, x) => row[4 * x]);
  report("strip", JSON.stringify({ now, width: strip.width, height: strip.height, window: innerHeight, luma }));
}

function paintMover(tick) {
  const mover = byId("mover");
  const pen = mover.getContext("2d", { alpha: false });
  pen.fillStyle = "#123";
  pen.fillRect(0, 0, 160, 160);
  const angle = (tick * Math.PI) / 30;
  pen.fillStyle = `hsl(${(tick * 7) % 360} 90% 55%)`;
  pen.beginPath();
  pen.arc(80 + 55 * Math.cos(angle), 80 + 55 * Math.sin(angle), 22, 0, 2 * Math.PI);
  pen.fill();
  pen.fillStyle = "#fff";
  pen.font = "24px monospace";
  pen.fillText(String(tick % 100000), 45, 88);
}

// From a frame's callback to the screen, as measured in Chromium on Xvfb: flash and beep are to be out there at the same time.
const TO_SCREEN_MS = 25;

let lastTick = -1;
function frame() {
  requestAnimationFrame(frame);
  if (!entered || view.still) return;
  const now = Date.now();
  const tick = Math.floor((now * view.fps) / 1000);
  const moves = tick !== lastTick;
  lastTick = tick;
  if (view.strip === "every_frame" || (view.strip === "with_the_rest" && moves)) paintStrip(now);
  if (moves) paintMover(tick);
  byId("flash").style.visibility = (now + TO_SCREEN_MS) % 1000 < BEEP_MS ? "visible" : "hidden";
}

// ---- modals -------------------------------------------------------------------------------------------------------------------

const open = new Set();
const offered = new Set();

// Opens a modal once, however often the view says so.
function offer(name, wanted) {
  if (wanted && !offered.has(name)) open.add(name);
  if (wanted) offered.add(name);
}

function show(name) {
  open.add(name);
  renderModals();
}

function hide(name) {
  open.delete(name);
  renderModals();
}

function modal(attributes, ...children) {
  return element("div", { class: "overlay" }, element("div", { class: "modal", id: "simpleModal", ...attributes }, ...children));
}

function renderModals() {
  const modals = byId("modals");
  modals.replaceChildren();
  if (view.screen !== "meeting" || !entered) return;
  for (const name of open) modals.append(MODALS[name]());
}

const closeAudio = () => {
  report("audio_closed");
  hide("audio_" + audioScreen);
};
let audioScreen = "";

function showAudio(screen) {
  hide("audio_" + audioScreen);
  audioScreen = screen;
  show("audio_" + screen);
}

function joinAudio(how) {
  for (const name of [...open]) if (name.startsWith("audio_")) open.delete(name);
  show("connecting");
  setTimeout(() => {
    hide("connecting");
    startSound();
    renderBars();
    report("audio_joined", how);
  }, view.audio_join_ms);
}

const AUDIO = { "data-test": "audioModal", "data-testid": "audioModal" };
const MODALS = {
  audio_choose: () =>
    modal(
      AUDIO,
      element("h2", {}, "How would you like to join the audio?"),
      element("div", { "data-test": "audioModalOptions" },
        button("microphoneBtn", "Microphone", () => showAudio("echo")),
        button("listenOnlyBtn", "Listen only", () => joinAudio("listenOnlyBtn"))),
      button("closeModal", "Close Join audio modal", closeAudio),
    ),
  audio_help: () =>
    modal(
      AUDIO,
      element("h2", {}, "There was an issue with your audio devices"),
      button("helpBackBtn", "Back", () => showAudio("help")),
      button("helpRetryMicBtn", "Retry", () => showAudio("help")),
      button("helpListenOnlyBtn", "Listen only", () => joinAudio("helpListenOnlyBtn")),
      button("closeModal", "Close", closeAudio),
    ),
  audio_echo: () =>
    modal(
      AUDIO,
      element("div", { "data-test": "audioSettingsModal" },
        element("h2", {}, "Your audio settings"),
        button("joinEchoTestButton", "Join audio", () => joinAudio("joinEchoTestButton"))),
      button("closeModal", "Close", closeAudio),
    ),
  audio_live_kit: () =>
    modal(AUDIO, element("h2", {}, "Join audio"), element("p", {}, "Looking for your microphone"), button("closeModal", "Close", closeAudio)),
  audio_live_kit_settings: () => MODALS.audio_echo(),
  connecting: () => modal(AUDIO, element("span", { "data-test": "establishingAudioLabel" }, "Establishing audio connection")),
  autoplay: () =>
    modal(
      {},
      element("p", {}, "We need your permission to play audio."),
      element("button", { "aria-label": "Play audio", onclick: () => { context?.resume(); hide("autoplay"); } }, "Play audio"),
    ),
  session_details: () =>
    modal(
      { "data-test": "sessionDetailsModal", "data-testid": "sessionDetailsModal" },
      element("h2", {}, view.name),
      button("closeModal", "Close", () => hide("session_details")),
    ),
  recording: () =>
    modal(
      { "data-testid": "recordingNotifyModal" },
      element("h2", {}, "This session is being recorded"),
      button("recordingNotifyContinue", "Continue", () => hide("recording")),
    ),
  breakout: () =>
    modal(
      { "data-test": "breakoutJoinConfirmation" },
      element("h2", {}, "Do you want to join the breakout room?"),
      button("modalConfirmButton", "Join room", () => { report("breakout_joined"); hide("breakout"); }),
      button("modalDismissButton", "Cancel", () => hide("breakout")),
    ),
};

// ---- screens ------------------------------------------------------------------------------------------------------------------

function enter() {
  if (entered) return;
  entered = true;
  byId("stage").hidden = false;
  fitStrip();
  paintStrip(Date.now());
  paintMover(0);
  byId("meetingName").textContent = view.name;
  const style = userdata("custom_style");
  if (style) document.head.append(element("style", { id: "customStyle" }, style));
  renderBars();
  report("joined");
  if (view.session_details && (view.stubborn || userdata("show_session_details_on_join") !== "false")) open.add("session_details");
  enterAudio();
  renderModals();
}

function enterAudio() {
  const moderator = view.role === "MODERATOR";
  const autoJoin = userdata("auto_join_audio") !== "false";
  const force = userdata("force_listen_only") === "true" && !moderator;
  switch (view.audio) {
    case "auto_join":
      if (force) joinAudio("auto");
      else if (autoJoin) showAudio("choose");
      break;
    case "buttons":
      showAudio("choose");
      break;
    case "help":
      showAudio("help");
      break;
    case "echo_test":
      showAudio("echo");
      break;
    case "live_kit":
    case "live_kit_settings":
      startSound();
      report("audio_joined", "live_kit");
      showAudio(view.audio);
      break;
  }
}

function renderBars() {
  const bare = view.params.enforceLayout === "MEDIA_ONLY" && !view.stubborn;
  const hidden = (name) => bare || userdata(name) === "true";
  byId("Navbar").hidden = hidden("hide_nav_bar");
  byId("ActionsBar").hidden = hidden("hide_actions_bar");
  byId("sidebar").hidden = bare || userdata("show_participants_on_login") === "false";
  byId("ActionsBar").replaceChildren(
    context ? button("leaveListenOnly", "Leave audio", stopSound) : button("joinAudio", "Join audio", () => showAudio("choose")));
  document.querySelector('[data-test="pollingContainer"]').hidden = !view.poll;
  const toasts = document.querySelector(".Toastify");
  toasts.hidden = userdata("hide_notifications") === "true";
  toasts.replaceChildren(...view.toasts.map((toast) => element("div", { "data-test": "toastSmallMsg" }, toast)));
}

function lobby(message) {
  const position = view.position === 1 ? text("first") : text("position") + view.position;
  return [
    element("div", { id: "content" },
      element("h2", { id: "heading" }, text("lobby")),
      element("p", { "data-test": "guestMessage", "aria-live": "polite" }, message),
      element("div", { id: "positionInWaitingQueue" }, element("p", {}, position))),
  ];
}

const SCREENS = {
  loading: () => [element("div", { class: "spinner" })],
  lobby: () => lobby(view.lobby_message || text("guestWait")),
  admitted: () => lobby(text("guestAllow")),
  denied: () => lobby(text("guestDeny")),
  ended: () => [
    element("div", { "data-test": "meetingEndedModal" },
      element("h1", {}, view.ended_by ? text("endedBy") + view.ended_by : text(view.reason)),
      element("p", {}, text("home")),
      button("redirectButton", "OK", leave)),
  ],
  error: () => [
    element("h1", { "data-test": "errorScreenMessage" }, text(view.reason)),
    element("p", { "data-test": "errorScreenCode" }, view.reason),
    element("div", { id: "error-message" }, view.reason),
  ],
};

function leave() {
  location.href = view.logout_url;
}

let shown = "";
let leaveTimer = null;
let done = Number(sessionStorage.getItem("done " + token) ?? 0);

function render() {
  const screen = view.screen;
  if (screen !== shown) {
    report("screen", screen);
    clearTimeout(leaveTimer);
    if (["ended", "denied"].includes(screen) && view.leave_after_ms !== null) leaveTimer = setTimeout(leave, view.leave_after_ms);
  }
  if (screen === "meeting") {
    const wait = shown === "lobby" ? view.admit_ms : 0;
    shown = screen;
    if (wait) {
      byId("screen").replaceChildren(...SCREENS.admitted());
      setTimeout(render, wait);
      return;
    }
    byId("screen").replaceChildren();
    enter();
    renderBars();
    offer("recording", view.recording_notice);
    offer("breakout", view.breakout && (view.params.bot !== "true" || view.stubborn));
    renderModals();
  } else {
    shown = screen;
    entered = false;
    byId("stage").hidden = true;
    if (screen !== "loading") stopSound();
    byId("screen").replaceChildren(...SCREENS[screen]());
    byId("modals").replaceChildren();
  }
  byId("banner").hidden = !view.banner;
  byId("banner").textContent = location.pathname.endsWith("/join") ? "Connecting ..." : "Reconnection in progress";
  while (view.commands.length > done) {
    done += 1;
    sessionStorage.setItem("done " + token, done);
    run(view.commands[done - 1]);
  }
}

function run(command) {
  if (command.what === "hang") {
    report("hanging");
    const until = Date.now() + Number(command.detail);
    while (Date.now() < until);
  } else if (command.what === "click") {
    document.querySelector(`[data-test="${command.detail}"]`)?.click();
  } else if (command.what === "look") {
    const found = [...document.querySelectorAll(command.detail)].find((one) => one.checkVisibility({ visibilityProperty: true }));
    report("look " + done, found ? "shown:" + found.textContent : "");
  } else if (command.what === "read_strip") {
    readStrip();
  } else if (command.what === "leave") {
    leave();
  } else if (command.what === "reload") {
    location.reload();
  } else if (command.what === "mute") {
    context?.suspend();
  }
}

addEventListener("resize", () => {
  fitStrip();
  if (entered) paintStrip(Date.now());
});
addEventListener("pagehide", () => {
  navigator.sendBeacon("/double/report?sessionToken=" + token, JSON.stringify({ what: "left", detail: "" }));
  events.close();
});

const events = new EventSource("/double/events?sessionToken=" + token);
events.onmessage = (event) => {
  view = JSON.parse(event.data);
  if (view.screen === "loading") console.error("Could not load the settings of the meeting: NetworkError (never ready)");
  render();
};
requestAnimationFrame(frame);
console.info("double: client loaded");
