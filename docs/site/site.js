// The search: everything is in the page's own folder, so it works without a server, too.
const index = MiniSearch.loadJSON(window.searchIndex, { fields: ["title", "page", "text"], storeFields: ["title", "page", "address"] });
const field = document.getElementById("search");
const found = document.getElementById("found");

function show() {
  const words = field.value.trim();
  found.hidden = words === "";
  found.replaceChildren();
  if (words === "") return;
  const hits = index.search(words, { prefix: true, fuzzy: 0.15, boost: { title: 4, page: 2 }, combineWith: "AND" }).slice(0, 20);
  if (hits.length === 0) found.textContent = `Nothing has “${words}”.`;
  const list = document.createElement("ul");
  for (const hit of hits) {
    const [item, link] = [document.createElement("li"), document.createElement("a")];
    link.href = document.body.dataset.up + hit.address;
    link.textContent = hit.title === hit.page ? hit.page : `${hit.page}: ${hit.title}`;
    item.append(link);
    list.append(item);
  }
  if (hits.length > 0) found.append(list);
}

field.addEventListener("input", show);
field.form.addEventListener("submit", (event) => {
  event.preventDefault();
  found.querySelector("a")?.click();
});
found.addEventListener("click", () => {
  field.value = "";
  show();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== field) {
    event.preventDefault();
    field.focus();
  } else if (event.key === "Escape" && !found.hidden) {
    field.value = "";
    show();
  }
});
// On a phone the list of pages is closed until it is wanted.
if (matchMedia("(width < 55rem)").matches) document.querySelector(".menu").open = false;
