// How the page looks, as chosen in this browser: the attributes data-theme and data-density of <html>.

function choice<const Standard extends string, const Other extends string>(
  name: string,
  standard: Standard,
  others: readonly Other[],
) {
  const key = `chat.${name}`;
  const current = (): Standard | Other => others.find((other) => other === localStorage.getItem(key)) ?? standard;
  const apply = () => {
    const value = current();
    if (value === standard) delete document.documentElement.dataset[name];
    else document.documentElement.dataset[name] = value;
  };
  apply();
  // Another tab may choose too.
  addEventListener("storage", apply);
  return {
    current,
    choose(value: Standard | Other): void {
      localStorage.setItem(key, value);
      apply();
    },
  };
}

export const theme = choice("theme", "system", ["light", "dark"]);
export const density = choice("density", "comfortable", ["compact"]);
