"""What a browser has stored for a page."""

from playwright.sync_api import Page


def stored_data(page: Page) -> str:
    """All that the browser has stored for the page's origin."""
    return str(
        page.evaluate(
            """async () => {
              const found = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
              for (const { name } of await indexedDB.databases()) {
                const database = await new Promise((resolve) => {
                  const request = indexedDB.open(name);
                  request.onsuccess = () => resolve(request.result);
                });
                for (const store of database.objectStoreNames) {
                  const values = database.transaction(store).objectStore(store);
                  for (const request of [values.getAllKeys(), values.getAll()]) {
                    await new Promise((resolve) => { request.onsuccess = resolve; });
                    found.push(JSON.stringify(request.result));
                  }
                }
                database.close();
              }
              return found.join();
            }"""
        )
    )
