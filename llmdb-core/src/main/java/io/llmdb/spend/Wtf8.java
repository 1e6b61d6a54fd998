package io.llmdb.spend;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * UTF-8, but for half characters (unpaired surrogates), which the JDK would replace by question marks: an event that
 * PostgreSQL refuses because of one has to come back as it was. (The form is known as WTF-8.)
 */
final class Wtf8 {

    private static final int SURROGATE_LEAD = 0xED;
    private static final int FIRST_SURROGATE_SECOND = 0xA0;

    private Wtf8() {}

    static byte[] encode(String text) {
        if (indexOfHalf(text, 0) < 0) {
            return text.getBytes(StandardCharsets.UTF_8);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(text.length() + 16);
        int from = 0;
        for (int half = indexOfHalf(text, 0); half >= 0; half = indexOfHalf(text, from)) {
            out.writeBytes(text.substring(from, half).getBytes(StandardCharsets.UTF_8));
            char c = text.charAt(half);
            out.write(0xE0 | c >> 12);
            out.write(0x80 | c >> 6 & 0x3F);
            out.write(0x80 | c & 0x3F);
            from = half + 1;
        }
        out.writeBytes(text.substring(from).getBytes(StandardCharsets.UTF_8));
        return out.toByteArray();
    }

    static String decode(byte[] bytes) {
        int from = 0;
        StringBuilder text = null;
        for (int i = 0; i + 2 < bytes.length; i++) {
            if ((bytes[i] & 0xFF) == SURROGATE_LEAD && (bytes[i + 1] & 0xFF) >= FIRST_SURROGATE_SECOND) {
                text = text == null ? new StringBuilder(bytes.length) : text;
                text.append(new String(bytes, from, i - from, StandardCharsets.UTF_8));
                text.append((char) ((bytes[i] & 0x0F) << 12 | (bytes[i + 1] & 0x3F) << 6 | bytes[i + 2] & 0x3F));
                i += 2;
                from = i + 1;
            }
        }
        String rest = new String(bytes, from, bytes.length - from, StandardCharsets.UTF_8);
        return text == null ? rest : text.append(rest).toString();
    }

    /** Where a half character is, at or behind the position; -1: nowhere. */
    static int indexOfHalf(String text, int from) {
        for (int i = from; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (Character.isHighSurrogate(c)
                        && i + 1 < text.length()
                        && Character.isLowSurrogate(text.charAt(i + 1))) {
                    i++;
                } else {
                    return i;
                }
            }
        }
        return -1;
    }
}
