// What states, emotions and failures are called, and what a face does at an emotion.

// [smile, openness, frown], each -1 to 1: corners of the mouth; mouth and eyes; brows down (1) or worried (-1)
const EXPRESSIONS = {
  happy: [1, 0.5, 0], relaxed: [0.6, -0.6, 0], calm: [0.4, -0.6, 0], neutral: [0, -0.2, 0], rest: [0.3, -0.6, 0],
  sad: [-0.9, -0.6, -0.9], angry: [-0.8, 0.6, 1], fear: [-0.6, 0.9, -1], disgust: [-0.8, 0, 0.8],
  surprise: [0.2, 1, -0.5], contempt: [-0.4, -0.3, 0.5], boredom: [-0.3, -0.8, 0], stress: [-0.6, 0.5, 0.6],
  concentrating: [0, 0.1, 0.5], positive: [0.9, 0, 0], negative: [-0.9, 0, 0.2], high: [0, 0.9, 0], low: [0, -0.8, 0],
};
const OF = {face: "a picture", speech: "speech", heart: "pulse", eeg: "EEG", skin: "skin conductance"};
const TAKEN = {face: "seen", speech: "heard", heart: "felt", eeg: "read", skin: "felt"};
export const title = (name) => (name === "eeg" ? "EEG" : name[0].toUpperCase() + name.slice(1));
export const DEVICES = {face: "camera", speech: "microphone"};

// Expected expression [smile, openness, frown] of scores by class; words that nobody drew count as neutral.
export function expression(scores) {
  const sum = [0, 0, 0];
  for (const [word, score] of Object.entries(scores)) {
    (EXPRESSIONS[word] ?? EXPRESSIONS.neutral).forEach((value, k) => { sum[k] += score * value; });
  }
  return sum;
}

export const percent = (share) => `${Math.round(100 * share)} %`;

const seconds = (s) => (s < 10 ? `${s.toFixed(1)} s` : `${Math.round(s)} s`);

// How a modality is, in words: its state, or how old what it says is.
export function condition(name, part, about, feed) {
  if (feed === "off") return `${DEVICES[name]} off`;
  if (part.state === "waiting") return `waiting for ${about.window_s ? `${about.window_s} s of ` : ""}${OF[name]}`;
  if (part.state === "stopped") return `nothing came for ${seconds(part.age_s)}`;
  if (part.state === "no face") return "no face found: look into the camera";
  if (part.state === "dropped: no speech") return "no speech: say something";
  if (part.state.startsWith("dropped: ")) return `left out: ${part.state.slice("dropped: ".length)}`;
  if (part.state !== "ok") return part.state;
  return `${TAKEN[name]} ${part.age_s < 0.5 ? "just now" : `${seconds(part.age_s)} ago`}${feed === "elsewhere" ? ", by another page" : ""}${part.heard === null ? "" : `, after ${part.heard} window${part.heard === 1 ? "" : "s"} of you`}${part.unfamiliar ? "; unlike what the model was trained on" : ""}`;
}

// Why a camera or microphone cannot be had.
export function failure(device, error) {
  const reasons = {
    NotFoundError: `No ${device} found: connect one, then start again. Everything else goes on.`,
    NotAllowedError: `The ${device} was not allowed: allow it beside the address, then start again.`,
    NotReadableError: `The ${device} cannot be read: another program may use it.`,
  };
  return reasons[error.name] ?? `The ${device}: ${error.message}`;
}
