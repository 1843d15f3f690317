// Camera and microphone: opened when asked, sent to the program that served this page, and to nobody else.

const WIDTH = 320; // pixels that are sent
const FRAME_MS = 200;
const BACKLOG_S = 2; // of sound that may wait for the network; older sound is left out

// tab: who sends. Throws what the program says where it refuses.
export async function post(name, query, body) {
  const response = await fetch(`${name}?${new URLSearchParams(query)}`, {method: "POST", body});
  if (!response.ok) throw new Error((await response.text()).trim());
}

class Capture {
  constructor(tab, modality, ended) {
    Object.assign(this, {tab, modality, ended, stream: null});
  }

  // Ask for the device, tell the program, and send from then on; throws why not.
  async start(constraints) {
    if (!navigator.mediaDevices) throw new Error("this browser gives none to this page.");
    this.stream = await navigator.mediaDevices.getUserMedia(constraints);
    try {
      const rate = await this.open(this.stream);
      await post("start", {tab: this.tab, modality: this.modality, rate});
    } catch (error) {
      this.close();
      throw error;
    }
    this.stream.getTracks()[0].onended = () => this.end(new Error("it was unplugged."));
    this.run();
  }

  close() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
  }

  end(error) {
    if (this.stream) this.ended(error);
    this.close();
  }

  async send(query, body) {
    try {
      await post(this.modality, {tab: this.tab, ...query}, body);
    } catch (error) {
      this.end(error);
    }
  }
}

export class Camera extends Capture {
  constructor(tab, ended, video) {
    super(tab, "face", ended);
    Object.assign(this, {video, canvas: document.createElement("canvas"), size: null});
  }

  start() {
    return super.start({video: {width: {ideal: 640}, height: {ideal: 480}}});
  }

  async open(stream) {
    this.video.srcObject = stream;
    await this.video.play();
    return 0;
  }

  // One picture at a time, as often as FRAME_MS allows, none twice.
  run() {
    const ink = this.canvas.getContext("2d", {willReadFrequently: true});
    let [sent, busy] = [-1, false];
    this.timer = setInterval(async () => {
      if (busy || this.video.currentTime === sent || !this.video.videoWidth) return;
      [sent, busy] = [this.video.currentTime, true];
      const [width, height] = [WIDTH, Math.round(WIDTH * this.video.videoHeight / this.video.videoWidth)];
      this.size = Object.assign(this.canvas, {width, height});
      ink.drawImage(this.video, 0, 0, width, height);
      await this.send({width, height, at: performance.now() / 1000}, ink.getImageData(0, 0, width, height).data);
      busy = false;
    }, FRAME_MS);
  }

  close() {
    clearInterval(this.timer);
    this.video.srcObject = null;
    super.close();
  }
}

export class Microphone extends Capture {
  constructor(tab, ended, sfreq) {
    super(tab, "speech", ended);
    Object.assign(this, {sfreq, context: null, pieces: [], count: 0, busy: false});
  }

  start() {
    const raw = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
    return super.start({audio: {channelCount: 1, ...raw}});
  }

  async open(stream) {
    const source = this.heard(stream);
    await this.context.audioWorklet.addModule("microphone.js");
    this.node = new AudioWorkletNode(this.context, "pieces", {channelCount: 1, channelCountMode: "explicit"});
    source.connect(this.node);
    return this.context.sampleRate;
  }

  // The stream at the rate that the network was trained on; at its own where a browser cannot.
  heard(stream) {
    try {
      this.context = new AudioContext({sampleRate: this.sfreq});
      return this.context.createMediaStreamSource(stream);
    } catch {
      this.context.close();
      this.context = new AudioContext();
      return this.context.createMediaStreamSource(stream);
    }
  }

  run() {
    [this.pieces, this.count] = [[], 0];
    this.node.port.onmessage = ({data}) => {
      this.count += data.length;
      this.pieces = [...this.pieces, data].slice(-10 * BACKLOG_S);
      this.flush();
    };
  }

  async flush() {
    if (this.busy || !this.stream) return;
    this.busy = true;
    while (this.stream && this.pieces.length) {
      const sound = new Blob(this.pieces);
      this.pieces = [];
      await this.send({at: this.count / this.context.sampleRate}, sound);
    }
    this.busy = false;
  }

  close() {
    this.context?.close();
    this.context = null;
    super.close();
  }
}
