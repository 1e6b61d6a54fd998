package io.llmdb.spend;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Masks virtual keys in what a proxy writes about a request: error texts and headers like to quote the key that was
 * sent. Prompts and answers are the caller's own words and are left alone.
 */
final class KeyMask {

    /** From 16 characters on, as keys have them; the last four may be shown. JSON stays JSON. */
    private static final Pattern KEY =
            Pattern.compile("\\bsk-[^\\s\"'\\\\<>(){}\\[\\],;]{9,}([^\\s\"'\\\\<>(){}\\[\\],;]{4})");

    private KeyMask() {}

    static @Nullable String orNull(@Nullable String text) {
        return text == null ? null : of(text);
    }

    static String of(String text) {
        return text.contains("sk-") ? KEY.matcher(text).replaceAll("sk-...$1") : text;
    }
}
