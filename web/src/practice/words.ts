/** Short everyday words to practise with. Those with letters that the recogniser does not know are left out. */
const WORDS =
  "BALL BED BEE BIRD BOOK BOY BUS CAKE CAR CAT COFFEE COLD CUP DAY DEER DOG DOOR EGG FACE FALL FEET FISH FOOD FRIEND " +
  "GAME GIRL GLASS GOOD GRASS GREEN HAND HAPPY HELLO HILL HOME HOUSE ICE JAM JUICE KEY LAMP LEG LETTER LIGHT MILK MOON " +
  "MUSIC NIGHT NOSE OIL PAPER PIZZA POOL QUEEN RAIN RED ROOM SCHOOL SEE SHIP SKY SNOW SUN TABLE TALL TEA TREE UNCLE " +
  "VIDEO VOICE WALL WATER WEEK WINDOW YELLOW YES ZEBRA ZOO";

export function wordsOf(labels: readonly string[]): string[] {
  const known = new Set(labels);
  return WORDS.split(" ").filter((word) => [...word].every((letter) => known.has(letter)));
}

/** The letters among the labels: one character each, so neither `space` nor `del` nor `nothing`. */
export function lettersOf(labels: readonly string[]): string[] {
  return labels.filter((label) => label.length === 1);
}
