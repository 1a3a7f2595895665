/**
 * Characters that turn the direction of what follows, that nobody sees, or that control a screen (Unicode Technical Report 36, "Bidirectional
 * Text Spoofing"; the tags of E0000 to E007F, and the C1 controls). What people decide about must read as it is: they are shown by their
 * numbers. What joins letters and emoji (U+200C, U+200D) stays.
 */
const UNSEEN =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;

export function plainly(text: string): string {
  return text.replace(
    UNSEEN,
    (letter) => `⟦U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟧`,
  );
}
