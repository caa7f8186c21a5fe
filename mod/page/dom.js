/**
 * Elements of the document. All text is set as text: names, reasons and what servers said come from
 * outside, and none of it is ever read as HTML.
 *
 * @module
 */

const SVG = "http://www.w3.org/2000/svg";

export function byId(id) {
  return document.getElementById(id);
}

/** An element of HTML; attributes that are null or false are left out. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  // Strings become text nodes.
  element.append(...children);
  return element;
}

/** Sets the text only where it is another one: nothing is laid out for what stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, name) {
  if (element.getAttribute("class") !== name) element.setAttribute("class", name);
}

/** A button that looks like a link. */
export function linkButton(text, act) {
  const button = el("button", { type: "button", class: "link" }, text);
  button.addEventListener("click", act);
  return button;
}
