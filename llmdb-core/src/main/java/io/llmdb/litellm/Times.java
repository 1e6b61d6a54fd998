package io.llmdb.litellm;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import org.jspecify.annotations.Nullable;

/** Time stamps as PostgreSQL writes those without zone, which LiteLLM means as UTC. */
final class Times {

    /** LiteLLM did not exist; and what lies behind the last year is a mistake. */
    private static final int FIRST_YEAR = 2000;

    private static final int LENGTH_OF_SECONDS = 19;

    private Times() {}

    /**
     * @param text {@code 2026-01-31 23:59:59.123}
     * @return with its zone; null where it is infinite, before our era or behind the year 9999
     */
    static @Nullable String utc(String text) {
        return local(text) == null ? null : text + "+00";
    }

    /**
     * @param text {@code 2026-01-31 23:59:59.123}
     * @return the instant, to the microsecond; null where it is none
     */
    static @Nullable Instant instant(String text) {
        LocalDateTime local = local(text);
        return local == null ? null : local.toInstant(ZoneOffset.UTC);
    }

    /** The same for what can be a request's start. */
    static @Nullable Instant start(String text) {
        LocalDateTime local = local(text);
        return local == null || local.getYear() < FIRST_YEAR ? null : local.toInstant(ZoneOffset.UTC);
    }

    /** By hand, because every log row has several of them. */
    private static @Nullable LocalDateTime local(String text) {
        int length = text.length();
        if (length < LENGTH_OF_SECONDS || text.charAt(4) != '-' || text.charAt(10) != ' ') {
            return null;
        }
        int year = number(text, 0, 4);
        int month = number(text, 5, 7);
        int day = number(text, 8, 10);
        int hour = number(text, 11, 13);
        int minute = number(text, 14, 16);
        int second = number(text, 17, LENGTH_OF_SECONDS);
        int nano = 0;
        if (length > LENGTH_OF_SECONDS) {
            if (text.charAt(LENGTH_OF_SECONDS) != '.') {
                return null;
            }
            int digits = length - LENGTH_OF_SECONDS - 1;
            nano = number(text, LENGTH_OF_SECONDS + 1, length);
            if (digits > 9) {
                return null;
            }
            for (int i = digits; i < 9; i++) {
                nano *= 10;
            }
        }
        if ((year | month | day | hour | minute | second | nano) < 0) {
            return null;
        }
        try {
            return LocalDateTime.of(LocalDate.of(year, month, day), LocalTime.of(hour, minute, second, nano));
        } catch (DateTimeException e) {
            return null;
        }
    }

    private static int number(String text, int from, int to) {
        int value = 0;
        for (int i = from; i < to; i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return -1;
            }
            value = value * 10 + c - '0';
        }
        return value;
    }
}
