package io.llmdb.keys;

import java.time.OffsetDateTime;
import java.time.ZoneOffset;

/**
 * Reads instants as PostgreSQL writes them in the ISO style, which its driver demands of every session. By hand: a
 * caller has twenty of them, and the platform's formatters take a microsecond for each.
 */
final class TimeText {

    private static final int NANO_DIGITS = 9;

    private final String text;
    private int at;

    private TimeText(String text) {
        this.text = text;
    }

    /**
     * @param text such as {@code 2026-11-25 18:25:58.237784+05:30}, or {@code infinity}
     * @return the instant; what is infinite is as far away as can be
     * @throws RuntimeException where it is something else
     */
    static OffsetDateTime parse(String text) {
        return switch (text) {
            case "infinity" -> OffsetDateTime.MAX;
            case "-infinity" -> OffsetDateTime.MIN;
            default -> new TimeText(text).read();
        };
    }

    private OffsetDateTime read() {
        at = text.indexOf('-');
        int year = Integer.parseInt(text, 0, Math.max(0, at), 10);
        int month = two();
        int day = two();
        int hour = two();
        int minute = two();
        int second = two();
        int nano = peek() == '.' ? fraction() : 0;
        boolean west = peek() == '-';
        int offset = two() * 3600;
        offset += peek() == ':' ? two() * 60 : 0;
        offset += peek() == ':' ? two() : 0;
        if (text.startsWith(" BC", at)) {
            // There is no year 0: the year before 1 is 1 BC.
            year = 1 - year;
            at += 3;
        }
        if (at != text.length()) {
            throw new IllegalArgumentException("This is no instant as PostgreSQL writes it");
        }
        return OffsetDateTime.of(
                year, month, day, hour, minute, second, nano, ZoneOffset.ofTotalSeconds(west ? -offset : offset));
    }

    /** Two digits behind whatever separates them from what was before. */
    private int two() {
        int from = at + 1;
        at = from + 2;
        return Integer.parseInt(text, from, at, 10);
    }

    private int fraction() {
        int from = at + 1;
        at = from;
        int nano = 0;
        for (int digit = 0; digit < NANO_DIGITS; digit++) {
            boolean given = peek() >= '0' && peek() <= '9';
            nano = nano * 10 + (given ? peek() - '0' : 0);
            at += given ? 1 : 0;
        }
        return nano;
    }

    private char peek() {
        return at < text.length() ? text.charAt(at) : ' ';
    }
}
