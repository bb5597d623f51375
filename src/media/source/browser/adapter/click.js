// Clicks the first visible element that fits; says whether there was one.
((selector, label) => {
  const element = [...document.querySelectorAll(selector)].find((element) => {
    if (element.getClientRects().length === 0 || getComputedStyle(element).visibility === "hidden") return false;
    return !label || new RegExp(label, "i").test((element.innerText || "").trim());
  });
  if (element) element.click();
  return element !== undefined;
})(SELECTOR, LABEL)
