package io.llmdb.spend;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * One record of the journal: a mark, the length of its content, a CRC32C of length and content, the content. What does
 * not fit together was not written to its end, or was spoiled since; the mark makes it possible to go on behind it.
 */
final class JournalFrame {

    static final int HEADER = 12;

    private static final int MARK = 0x4C4A_F0A7;

    /** More is no length but noise. */
    private static final int LONGEST = 1 << 30;

    private JournalFrame() {}

    static int length(byte[] content) {
        return HEADER + content.length;
    }

    /** @param to has room for it */
    static void write(byte[] content, ByteBuffer to) {
        to.putInt(MARK).putInt(content.length).putInt(crc(content.length, ByteBuffer.wrap(content)));
        to.put(content);
    }

    /**
     * The length of the whole record that begins at the position, as its header tells it; -1 where none begins there.
     * Its content may reach beyond the limit.
     */
    static long announced(ByteBuffer bytes, int at) {
        if (bytes.limit() - at < HEADER || bytes.getInt(at) != MARK) {
            return -1;
        }
        int length = bytes.getInt(at + 4);
        return length < 0 || length > LONGEST ? -1 : (long) HEADER + length;
    }

    /** Whether a whole and sound record begins at the position. */
    static boolean isSound(ByteBuffer bytes, int at) {
        long announced = announced(bytes, at);
        if (announced < 0 || announced > bytes.limit() - at) {
            return false;
        }
        int length = (int) announced - HEADER;
        return bytes.getInt(at + 8) == crc(length, bytes.slice(at + HEADER, length));
    }

    /** The content of the sound record at the position. */
    static byte[] content(ByteBuffer bytes, int at) {
        byte[] content = new byte[(int) announced(bytes, at) - HEADER];
        bytes.get(at + HEADER, content);
        return content;
    }

    /** Where something begins that may be a record; -1 where nothing does. */
    static int findMark(ByteBuffer bytes) {
        for (int at = 0; at <= bytes.limit() - HEADER; at++) {
            if (bytes.getInt(at) == MARK && announced(bytes, at) > 0) {
                return at;
            }
        }
        return -1;
    }

    private static int crc(int length, ByteBuffer content) {
        CRC32C crc = new CRC32C();
        crc.update(length >>> 24);
        crc.update(length >>> 16);
        crc.update(length >>> 8);
        crc.update(length);
        crc.update(content);
        return (int) crc.getValue();
    }
}
