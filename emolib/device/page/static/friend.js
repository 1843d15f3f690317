// The drawn face: moves towards the expression [smile, openness, frown] that it is told, each -1 to 1.

const PACE_MS = 250; // after which a movement is two thirds done
const BLINK_EVERY_MS = 4200;
const BLINK_MS = 160;

export class Friend {
  constructor(svg) {
    this.mouth = svg.querySelector(".mouth");
    [this.eyes, this.brows, this.cheeks] = [".eye", ".brow", ".cheek"].map((part) => svg.querySelectorAll(part));
    this.now = [0, -0.2, 0];
    this.goal = this.now;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.draw(1);
    requestAnimationFrame((time) => this.move(time, time));
  }

  show(expression) {
    this.goal = expression.map((value) => Math.max(-1, Math.min(1, 1.2 * value)));
  }

  move(time, before) {
    const share = this.still.matches ? 1 : 1 - Math.exp((before - time) / PACE_MS);
    this.now = this.now.map((value, k) => value + share * (this.goal[k] - value));
    const shut = !this.still.matches && time % BLINK_EVERY_MS < BLINK_MS;
    this.draw(shut ? 0.1 : 1);
    requestAnimationFrame((next) => this.move(next, time));
  }

  draw(lids) {
    const [smile, openness, frown] = this.now;
    const half = 34 + 6 * smile, corner = 142 - 14 * smile, dip = 142 + 24 * smile, open = 4 + 24 * Math.max(0, openness);
    this.mouth.setAttribute("d", `M${100 - half} ${corner} Q100 ${dip - open / 3} ${100 + half} ${corner} `
      + `Q100 ${dip + open} ${100 - half} ${corner} Z`);
    for (const eye of this.eyes) eye.setAttribute("ry", lids * (11 + 5 * openness - 2 * Math.max(0, smile)));
    this.brows.forEach((brow, k) => {
      const side = k ? 1 : -1, high = 58 - 7 * openness, x = (from) => 100 + side * from;
      brow.setAttribute("d", `M${x(52)} ${high + 4 - 4 * frown} Q${x(34)} ${high - 6} ${x(16)} ${high + 9 * frown}`);
    });
    for (const cheek of this.cheeks) cheek.setAttribute("opacity", Math.max(0, smile));
  }
}
