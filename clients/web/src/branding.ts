// The look of the operator's product: the server marks its page with APP_LOGO_URL and APP_ACCENT.

type Colour = readonly [red: number, green: number, blue: number];

const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0];
/** The grounds of the light and the dark theme on which text in the accent has the least contrast. */
const LIGHT_GROUND: Colour = [235, 235, 251];
const DARK_GROUND: Colour = [41, 41, 67];
/** WCAG 2.2, 1.4.3: for text. */
const MIN_CONTRAST = 4.5;

const marked = (name: string) => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content;

/** The address of the logo; undefined for the one of this client. */
export const logoUrl = marked("app-logo");

function colour(hex: string): void {
  const brand = parsed(hex);
  // Every colour has enough contrast with white or with black.
  const onBrand = contrast(brand, WHITE) >= MIN_CONTRAST ? WHITE : BLACK;
  const { style } = document.documentElement;
  style.setProperty("--fill", css(brand));
  style.setProperty("--fill-hover", css(mixed(brand, onBrand === WHITE ? BLACK : WHITE, 0.12)));
  style.setProperty("--on-fill", css(onBrand));
  style.setProperty("--on-fill-quiet", css(readable(mixed(onBrand, brand, 0.08), brand, onBrand)));
  style.setProperty("--brand-light", css(readable(brand, LIGHT_GROUND, BLACK)));
  style.setProperty("--brand-dark", css(readable(brand, DARK_GROUND, WHITE)));
}

/** The colour, mixed with `towards` until it can be read on a ground. */
function readable(colour: Colour, ground: Colour, towards: Colour): Colour {
  let found = colour;
  for (let share = 0; share <= 1 && contrast(found, ground) < MIN_CONTRAST; share += 0.05) {
    found = mixed(colour, towards, share);
  }
  return found;
}

const parsed = (hex: string) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Colour;
const css = (colour: Colour) => `rgb(${colour.map(Math.round).join(" ")})`;
const mixed = (one: Colour, other: Colour, share: number) =>
  one.map((part, at) => part + ((other[at] ?? 0) - part) * share) as unknown as Colour;

/** The contrast ratio of two colours (WCAG 2.2). */
function contrast(one: Colour, other: Colour): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Colour;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const accent = marked("app-accent");
if (accent) colour(accent);
