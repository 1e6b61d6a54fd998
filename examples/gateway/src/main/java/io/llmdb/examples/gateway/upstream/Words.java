package io.llmdb.examples.gateway.upstream;

import java.util.Random;

/**
 * Text of so many words. The stub takes a word for a token, so that text has exactly the number of tokens that a trace
 * tells, and both ends of the wire count the same.
 */
public final class Words {

    private static final String[] VOCABULARY =
            ("a an and as at be but by can day did do each end even far few for from get go good had has have he her"
                            + " here him his how if in into is it its just know last let like long look made make man many may me"
                            + " more most much must my new no not now of off old on one or our out over own part per put read"
                            + " right run said same say see she so some such take tell than that the their them then there these"
                            + " they this time to too two up us use very want was way we well went were what when which who why"
                            + " will with word work would year yes you your")
                    .split(" ");

    private static final int LENGTH = 1 << 15;
    private static final String TEXT;
    private static final int[] ENDS = new int[LENGTH];

    static {
        Random random = new Random(1);
        StringBuilder text = new StringBuilder(LENGTH * 5);
        for (int i = 0; i < LENGTH; i++) {
            text.append(i == 0 ? "" : " ").append(VOCABULARY[random.nextInt(VOCABULARY.length)]);
            ENDS[i] = text.length();
        }
        TEXT = text.toString();
    }

    private Words() {}

    /**
     * @param count how many words
     * @return a text of so many words
     */
    public static String text(int count) {
        if (count > LENGTH) {
            return text(LENGTH) + " " + text(count - LENGTH);
        }
        return count == 0 ? "" : TEXT.substring(0, ENDS[count - 1]);
    }

    /**
     * @param text any text
     * @return how many words it has
     */
    public static long count(String text) {
        long words = 0;
        boolean inside = false;
        for (int i = 0; i < text.length(); i++) {
            boolean letter = text.charAt(i) > ' ';
            if (letter && !inside) {
                words++;
            }
            inside = letter;
        }
        return words;
    }
}
