package io.llmdb.internal;

/** Patterns in which {@code *} stands for any characters, none among them, and everything else for itself. */
public final class Wildcard {

    private Wildcard() {}

    /**
     * @param pattern the pattern
     * @param text the text
     * @return whether the whole text matches; takes no longer than their lengths multiplied
     */
    public static boolean matches(String pattern, String text) {
        int p = 0;
        int t = 0;
        int star = -1;
        int resume = 0;
        while (t < text.length()) {
            if (p < pattern.length() && pattern.charAt(p) == '*') {
                star = p++;
                resume = t;
            } else if (p < pattern.length() && pattern.charAt(p) == text.charAt(t)) {
                p++;
                t++;
            } else if (star >= 0) {
                p = star + 1;
                t = ++resume;
            } else {
                return false;
            }
        }
        while (p < pattern.length() && pattern.charAt(p) == '*') {
            p++;
        }
        return p == pattern.length();
    }
}
