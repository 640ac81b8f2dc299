// A list that the browser keeps under a name, for this page and for those that are opened later.

export class StoredList {
  constructor(name) {
    this.name = name;
  }

  // Empty where nothing was kept, or nothing that can be read.
  read() {
    try {
      const items = JSON.parse(localStorage.getItem(this.name) ?? "[]");
      return Array.isArray(items) ? items : [];
    } catch {
      return [];
    }
  }

  // Throws where the browser is out of room, or keeps nothing.
  write(items) {
    if (items.length) localStorage.setItem(this.name, JSON.stringify(items));
    else localStorage.removeItem(this.name);
  }
}
