package io.llmdb.settings;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes such as {@code 64MiB}. */
final class ByteSize {

    private static final Pattern FORM = Pattern.compile("([0-9](?:_?[0-9]){0,18}) ?([a-zA-Z]{0,3})");

    private ByteSize() {}

    static long parse(String text, String allowed) throws BadValue {
        Matcher matcher = FORM.matcher(text);
        if (matcher.matches()) {
            long unit = switch (matcher.group(2).toLowerCase(Locale.ROOT)) {
                case "", "b" -> 1;
                case "kb" -> 1_000;
                case "mb" -> 1_000_000;
                case "gb" -> 1_000_000_000;
                case "kib" -> 1L << 10;
                case "mib" -> 1L << 20;
                case "gib" -> 1L << 30;
                default -> 0;
            };
            if (unit != 0) {
                try {
                    return Math.multiplyExact(Long.parseLong(matcher.group(1).replace("_", "")), unit);
                } catch (ArithmeticException | NumberFormatException e) {
                    throw new BadValue("must be " + allowed);
                }
            }
        }
        throw new BadValue("must be " + allowed);
    }

    static String format(long bytes) {
        if (bytes == 0 || bytes % (1L << 10) != 0) {
            return bytes + "B";
        }
        if (bytes % (1L << 20) != 0) {
            return (bytes >> 10) + "KiB";
        }
        return bytes % (1L << 30) != 0 ? (bytes >> 20) + "MiB" : (bytes >> 30) + "GiB";
    }
}
