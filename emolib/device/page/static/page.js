// The page: what the engine says, twice a second, as words, bars and a face.

import {Friend} from "./friend.js";
import {Camera, Microphone, post} from "./capture.js";
import {DEVICES, condition, expression, failure, percent, title} from "./words.js";

const SPEAK_MS = 5000; // at most this often is a new answer read aloud
const $ = (id) => document.getElementById(id);
const tab = crypto.randomUUID();
const friend = new Friend($("friend"));
const captures = {};
let [about, words, fused, cards, missed, spokenAt] = [null, [], null, {}, 0, -SPEAK_MS];

function add(parent, kind, name = "", text = "") {
  const made = document.createElement(kind);
  Object.assign(made, {className: name, textContent: text});
  return parent.appendChild(made);
}

// A row of bars, one a class, of one colour in every row; a function that shows scores by class, or none.
function bars(parent, label, classes) {
  const rows = classes.map((word) => {
    const row = add(parent, "div", `bar c${words.indexOf(word) % 8}`);
    add(row, "span", "word", word);
    const meter = add(row, "div", "track");
    const attributes = {role: "meter", "aria-valuemin": 0, "aria-valuemax": 1, "aria-label": `${word}, ${label}`};
    for (const [name, value] of Object.entries(attributes)) meter.setAttribute(name, value);
    return {word, row, meter, fill: add(meter, "div", "fill"), number: add(row, "span", "number")};
  });
  return (scores) => {
    for (const {word, row, meter, fill, number} of rows) {
      const score = scores?.[word] ?? 0;
      row.dataset.score = score;
      meter.setAttribute("aria-valuenow", score.toFixed(2));
      meter.setAttribute("aria-valuetext", scores ? percent(score) : "no answer");
      fill.style.width = `${100 * score}%`;
      number.textContent = scores ? percent(score) : "–";
    }
  };
}

// The best of scores by class, and its score.
const best = (scores) => Object.entries(scores ?? {}).sort((a, b) => b[1] - a[1])[0] ?? ["no answer yet", null];

// A line a modality with its own answer; a function that shows the parts of a result.
function lines(parent) {
  const answers = Object.keys(about.modalities).map((name) => {
    const row = add(parent, "p", "own");
    add(row, "span", "quiet", title(name));
    return [name, add(row, "strong")];
  });
  return (parts) => {
    for (const [name, shown] of answers) {
      const [word, score] = best(parts[name].scores);
      shown.textContent = score === null ? "–" : `${word} ${percent(score)}`;
    }
  };
}

function card(name) {
  const part = add($("parts"), "article", "card");
  part.dataset.modality = name;
  const head = add(part, "div", "head");
  add(head, "h2", "", title(name));
  const weight = add(head, "span", "weight");
  const state = add(part, "p", "state", "…");
  return {part, weight, state, show: bars(add(part, "div", "bars"), name, about.modalities[name].classes)};
}

function button(name) {
  const made = add($("buttons"), "button", "", `Start ${DEVICES[name]}`);
  made.type = "button";
  made.id = DEVICES[name];
  made.addEventListener("click", () => (captures[name].stream ? stop(name) : start(name, made)));
  return made;
}

// A device is on or off: what its button and the preview say.
function turned(name) {
  const on = Boolean(captures[name].stream);
  $(DEVICES[name]).textContent = `${on ? "Stop" : "Start"} ${DEVICES[name]}`;
  $(DEVICES[name]).classList.toggle("on", on);
  if (name === "face") {
    $("view").classList.toggle("on", on);
    $("box").hidden = true;
  }
}

async function start(name, made) {
  $("message").textContent = "";
  made.disabled = true;
  try {
    await captures[name].start();
  } catch (error) {
    $("message").textContent = failure(DEVICES[name], error);
  }
  made.disabled = false;
  turned(name);
}

function stop(name) {
  if (!captures[name].stream) return;
  captures[name].close();
  post("stop", {tab, modality: name}).catch(() => {});
  turned(name);
}

// Ended by the device or the program, not by its button.
function ended(name, error) {
  $("message").textContent = failure(DEVICES[name], error);
  setTimeout(() => turned(name));
}

function build(told) {
  about = told;
  for (const id of ["fused", "parts", "buttons"]) $(id).replaceChildren();
  words = [...new Set(Object.values(about.modalities).flatMap((each) => each.classes))];
  fused = about.classes ? bars($("fused"), "all together", about.classes) : lines($("fused"));
  $("together").textContent = about.classes ? "Together" : "Side by side";
  $("apart").hidden = Boolean(about.classes);
  cards = Object.fromEntries(Object.keys(about.modalities).map((name) => [name, card(name)]));
  for (const [name, each] of Object.entries(about.modalities)) {
    if (!each.from_page) continue;
    captures[name] ??= name === "face" ? new Camera(tab, (error) => ended(name, error), $("video"))
      : new Microphone(tab, (error) => ended(name, error), each.sfreq);
    button(name);
    turned(name);
  }
  $("view").hidden = !about.modalities.face?.from_page;
  document.querySelector(".captures").hidden = !Object.values(about.modalities).some((each) => each.from_page);
  $("view").classList.toggle("guided", about.modalities.face?.looks === false);
  $("kept").textContent = about.kept ? `Results, not pictures or sound, are written to ${about.kept}.` : "";
  $("limits").textContent = limits(about.corpora);
  $("learned").hidden = !about.learns;
  known();
}

// What is learned of the person, and where it is.
function known() {
  const where = about.profile ? `It is kept on this computer as ${about.profile}` : "It is gone when the program ends";
  if (!about.kept) $("kept").textContent = about.profile ? "" : "Nothing is stored.";
  $("known").textContent = `Mean and spread of what you gave are learned, without labels. ${where}.`;
}

async function forget() {
  await post("forget", {tab});
  about.profile = null;
  known();
}

function limits(corpora) {
  const real = corpora.filter((name) => name !== "synthetic"), drawn = real.length < corpora.length;
  const data = [...real, ...(drawn ? ["SYNTHETIC data, which a program drew and voiced"] : [])].join(", ");
  const stranger = real.length ? "" : " They know no real person.";
  return `The answer is a guess of small models trained on ${data}.${stranger} It is not what anyone feels, and no ground to decide about a person.`;
}

function answer(scores) {
  const [word, score] = best(scores);
  $("word").textContent = word;
  $("score").textContent = score === null ? "" : percent(score);
  document.querySelector(".friend").dataset.word = word;
  const now = performance.now();
  if (score !== null && $("spoken").textContent !== word && now - spokenAt >= SPEAK_MS) {
    $("spoken").textContent = word;
    spokenAt = now;
  }
}

// The face that was found, over the preview, in shares of the picture that was sent.
function box(part) {
  const size = captures.face?.size, found = part?.box && size && captures.face.stream;
  $("box").hidden = !found;
  if (!found) return;
  const [x1, y1, x2, y2] = part.box;
  const sides = {left: x1 / size.width, top: y1 / size.height, width: (x2 - x1) / size.width, height: (y2 - y1) / size.height};
  for (const [side, share] of Object.entries(sides)) $("box").style[side] = `${100 * share}%`;
}

function show(result) {
  for (const [name, part] of Object.entries(result.parts)) {
    const {part: article, weight, state, show: draw} = cards[name];
    const text = condition(name, part, about.modalities[name], result.feeds[name]);
    article.classList.toggle("ok", part.state === "ok");
    weight.textContent = part.scores && about.classes ? `counts ${percent(part.weight)}` : "";
    if (state.textContent !== text) state.textContent = text;
    draw(part.scores);
  }
  fused(about.classes ? result.scores : result.parts);
  const first = about.classes ? null : Object.keys(result.parts).find((name) => result.parts[name].scores);
  const scores = first ? result.parts[first].scores : result.scores;
  answer(scores);
  friend.show(scores ? expression(scores) : [0, -0.2, 0]);
  $("mirrored").textContent = `The drawing mirrors the guess${first ? ` from the ${DEVICES[first] ?? first}` : ""}.`;
  box(result.parts.face);
  missed += result.missed;
  $("speed").textContent = `one answer every ${about.hop_s} s, made in ${result.ms.toFixed(1)} ms; ${missed} missed so far`;
}

function listen() {
  const events = new EventSource(`results?tab=${tab}`);
  events.addEventListener("about", ({data}) => {
    build(JSON.parse(data));
    $("link").textContent = "connected to this machine";
    $("link").classList.add("on");
  });
  events.addEventListener("message", ({data}) => show(JSON.parse(data)));
  events.addEventListener("error", () => {
    Object.keys(captures).forEach(stop);
    $("link").classList.remove("on");
    $("link").textContent = events.readyState === EventSource.CLOSED
      ? "refused: emolib live has ended, or too many of its pages are open" : "connection lost, trying again";
  });
}

$("forget").addEventListener("click", () => forget().catch((error) => { $("message").textContent = `Not forgotten: ${error.message}`; }));
listen();
