// Cutouts of a candidate on pages of vetting: parts of one picture, with a compass, blinking.

import {Blinker} from "./blinking.js";
import {element, svgElement} from "./elements.js";

// A part of a picture, cut out without a style attribute, which the security policy forbids.
export function tile({url, width, height, tile: side}, x, y, label) {
  return svgElement("svg", {viewBox: `${x} ${y} ${side} ${side}`, role: "img", "aria-label": label},
    svgElement("image", {href: url, width, height}));
}

// A picture with north, east and a scale on it, in hundredths of its side.
export function framed(picture, compass) {
  const frame = element("div", {className: "framed"}, picture);
  if (compass) frame.append(compassOf(compass));
  return frame;
}

// Circles round the stars near a candidate, [magnitude, distance, x, y] each, on a picture in
// hundredths of its side; those that are ``brighter(star)`` are marked.
export function neighbourMarks(neighbours, brighter) {
  const within = ([, , x, y]) => x !== null && x >= 0 && x <= 100 && y >= 0 && y <= 100;
  return svgElement("svg", {class: "neighbours-marked", viewBox: "0 0 100 100", "aria-hidden": "true"},
    svgElement("path", {d: "M50 36V43M64 50H57"}),
    ...neighbours.filter(within).map((star) => svgElement("circle", {cx: star[2], cy: star[3], r: 4.5, class: brighter(star) ? "is-brighter" : ""})));
}

// The place of a change: a cross, and the ellipse of its error.
export function changeMark({x, y, radius_x: rx, radius_y: ry, turned}) {
  return svgElement("svg", {class: "change-mark", viewBox: "0 0 100 100", "aria-hidden": "true"},
    svgElement("g", {transform: `translate(${x} ${y})`}, svgElement("path", {d: "M-5 0H-2M2 0H5M0-5V-2M0 2V5"}),
      svgElement("ellipse", {rx, ry, transform: `rotate(${turned})`})));
}

function compassOf(compass) {
  const arrows = svgElement("g", {transform: "translate(22 76)"});
  for (const [way, letter] of [["north", "N"], ["east", "E"]]) {
    const [x, y] = compass[`${way}_text`];
    arrows.append(svgElement("path", {d: `M0 0L${compass[way].join(" ")}`}), svgElement("text", {x, y}, letter));
  }
  return svgElement("svg", {class: "compass", viewBox: "0 0 100 100", "aria-hidden": "true"}, arrows,
    svgElement("path", {d: `M${compass.bar_start} 93H${compass.bar_end}`}),
    svgElement("text", {x: compass.bar_middle, y: 84}, compass.bar_text));
}

// Shows the reference, left above in each picture, instead of all search images below ``root``.
export function cutoutBlinker(root) {
  return new Blinker(({atReference}) => {
    for (const svg of root.querySelectorAll("svg[aria-label=search]")) {
      svg.dataset.box ??= svg.getAttribute("viewBox");
      svg.setAttribute("viewBox", atReference ? svg.dataset.box.replace(/^\S+ \S+/, "0 0") : svg.dataset.box);
    }
  });
}

// Loads and decodes the picture of a candidate ahead of its use; whether that succeeded.
export function preload(candidate) {
  candidate.image = new Image();
  candidate.image.src = candidate.cutouts.url;
  return candidate.image.decode().then(() => true, () => false);
}
