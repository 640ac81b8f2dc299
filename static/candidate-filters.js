// The filters of the list of candidates: finds one by name, and sends those alone that are in use.

const form = document.getElementById("candidate-filters");
const finder = document.getElementById("find-filter");

finder.parentElement.hidden = false;
finder.addEventListener("input", () => {
  const words = finder.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const topic of form.querySelectorAll(".topic")) {
    const filters = [...topic.querySelectorAll(".more-filter")];
    filters.forEach((one) => { one.hidden = !words.every((word) => one.dataset.words.includes(word)); });
    topic.hidden = filters.every((one) => one.hidden);
  }
});
// It is in the form, but asks for nothing.
finder.addEventListener("change", (event) => event.stopPropagation());
finder.addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault();
});

form.addEventListener("htmx:configRequest", ({detail}) => {
  for (const name of new Set(detail.formData.keys())) {
    if (!detail.formData.getAll(name).some(Boolean)) detail.formData.delete(name);
  }
});
