package io.llmdb.spend;

import io.llmdb.error.InvalidArgumentException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Events as bytes, for the journal and the dead letters, and their digest.
 *
 * <p>A version byte, then the fields in a fixed order. Numbers are variable-length integers, texts UTF-8 behind their
 * length plus one, with zero for null; half characters, which UTF-8 does not have, are kept too.
 */
final class EventCodec {

    private static final byte VERSION = 1;

    private EventCodec() {}

    static byte[] encode(SpendEvent event) {
        Writer out = new Writer();
        out.bytes(VERSION);
        write(event, out);
        out.uuid(event.leaseHolder());
        out.shares(event);
        return out.toByteArray();
    }

    /** @throws InvalidArgumentException where the bytes are no event */
    static SpendEvent decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        try {
            byte version = in.get();
            if (version != VERSION) {
                throw new InvalidArgumentException(
                        "An event of version " + version + " cannot be read; this library writes " + VERSION);
            }
            SpendEvent.Builder builder = read(new Reader(in));
            return builder.build();
        } catch (BufferUnderflowException | IllegalArgumentException | DateTimeException | ArithmeticException e) {
            throw new InvalidArgumentException("The bytes are no event: " + e.getMessage(), e);
        }
    }

    /** See {@link EventDigest}. */
    static long digest(SpendEvent event) {
        return new EventDigest().of(event);
    }

    static boolean sameContent(SpendEvent one, SpendEvent other) {
        if (!one.id().equals(other.id())) {
            return false;
        }
        if (one.knownBy() != null || other.knownBy() != null) {
            return digest(one) == digest(other);
        }
        Writer first = new Writer();
        write(one, first);
        Writer second = new Writer();
        write(other, second);
        return Arrays.equals(first.buffer, 0, first.length, second.buffer, 0, second.length);
    }

    /** All content; who holds the lease is none. */
    static void write(SpendEvent event, Writer out) {
        out.uuid(event.id());
        out.text(event.requestId());
        out.text(event.callType());
        out.text(event.keyHash());
        out.decimal(event.cost());
        out.number(event.promptTokens());
        out.number(event.completionTokens());
        out.number(event.totalTokens());
        out.instant(event.endTime());
        out.instant(event.completionStartTime());
        out.text(event.model());
        out.text(event.modelId());
        out.text(event.modelGroup());
        out.text(event.provider());
        out.text(event.apiBase());
        out.text(event.userId());
        out.text(event.teamId());
        out.text(event.organizationId());
        out.text(event.endUser());
        out.texts(event.tags());
        out.text(event.metadata());
        out.text(event.cacheHit());
        out.text(event.cacheKey());
        out.text(event.requesterIp());
        out.text(event.messages());
        out.text(event.response());
        out.text(event.proxyServerRequest());
        out.text(event.sessionId());
        out.error(event.error());
        out.counters(event.furtherCounters());
    }

    private static SpendEvent.Builder read(Reader in) {
        UUID id = in.uuid();
        if (id == null) {
            throw new InvalidArgumentException("An event without an id");
        }
        SpendEvent.Builder builder = SpendEvent.builder(id)
                .requestId(in.required())
                .callType(in.required())
                .keyHash(in.required())
                .cost(in.decimal())
                .tokens(in.number(), in.number())
                .totalTokens(Math.max(0, in.number()))
                .endTime(in.requiredInstant())
                .completionStartTime(in.instant())
                .model(in.required())
                .modelId(in.required())
                .modelGroup(in.required())
                .provider(in.required())
                .apiBase(in.required())
                .userId(in.required())
                .teamId(in.required())
                .organizationId(in.required())
                .endUser(in.required())
                .tags(in.texts())
                .metadata(in.text())
                .cacheHit(in.required())
                .cacheKey(in.required())
                .requesterIp(in.required())
                .messages(in.text())
                .response(in.text())
                .proxyServerRequest(in.text())
                .sessionId(in.required())
                .error(in.error())
                .furtherCounters(in.counters());
        return builder.leases(in.uuid(), in.shares(builder.build()));
    }

    /** Bytes that grow. */
    static final class Writer {
        private byte[] buffer = new byte[1024];
        private int length;

        byte[] buffer() {
            return buffer;
        }

        int length() {
            return length;
        }

        void clear() {
            length = 0;
        }

        private byte[] toByteArray() {
            return Arrays.copyOf(buffer, length);
        }

        private void bytes(byte... values) {
            if (length + values.length > buffer.length) {
                buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, length + values.length));
            }
            System.arraycopy(values, 0, buffer, length, values.length);
            length += values.length;
        }

        private void number(long value) {
            if (length + 10 > buffer.length) {
                buffer = Arrays.copyOf(buffer, buffer.length * 2);
            }
            byte[] bytes = buffer;
            int at = length;
            long rest = value;
            while ((rest & ~0x7FL) != 0) {
                bytes[at++] = (byte) (rest & 0x7F | 0x80);
                rest >>>= 7;
            }
            bytes[at++] = (byte) rest;
            length = at;
        }

        private void text(@Nullable String value) {
            if (value == null) {
                number(0);
            } else {
                byte[] utf8 = Wtf8.encode(value);
                number(utf8.length + 1L);
                bytes(utf8);
            }
        }

        private void texts(List<String> values) {
            number(values.size());
            values.forEach(this::text);
        }

        private void uuid(@Nullable UUID value) {
            number(value == null ? 0 : 1);
            if (value != null) {
                bytes(ByteBuffer.allocate(16)
                        .putLong(value.getMostSignificantBits())
                        .putLong(value.getLeastSignificantBits())
                        .array());
            }
        }

        /** By value: 1.0 and 1.00 are one amount. */
        private void decimal(BigDecimal value) {
            BigDecimal stripped = value.stripTrailingZeros();
            byte[] unscaled = stripped.unscaledValue().toByteArray();
            number(unscaled.length);
            bytes(unscaled);
            number(stripped.scale() + (1L << 31));
        }

        private void instant(@Nullable Instant value) {
            number(value == null ? 0 : 1);
            if (value != null) {
                // PostgreSQL keeps microseconds; what it cannot keep is no content.
                number(value.getEpochSecond());
                number(value.getNano() / 1_000);
            }
        }

        private void error(@Nullable RequestError value) {
            number(value == null ? 0 : 1);
            if (value != null) {
                text(value.type());
                text(value.message());
                text(value.statusCode());
                text(value.requestJson());
            }
        }

        /** A lease is named by its counter's place among those of the event, which saves most of its bytes. */
        private void shares(SpendEvent event) {
            List<CounterId> counters = List.copyOf(CounterDeltas.countersOf(event));
            List<LeaseShare> shares = event.leaseShares().stream()
                    .filter(share -> counters.contains(share.counter()))
                    .toList();
            number(shares.size());
            for (LeaseShare share : shares) {
                number(counters.indexOf(share.counter()));
                number(share.epoch());
                decimal(share.amount());
            }
        }

        private void counters(List<CounterId> values) {
            number(values.size());
            for (CounterId value : values) {
                text(value.scope().sqlName());
                text(value.id());
                text(value.parentId());
                text(value.model());
                text(value.duration());
            }
        }
    }

    private static final class Reader {
        private final ByteBuffer in;

        private Reader(ByteBuffer in) {
            this.in = in;
        }

        private long number() {
            long value = 0;
            for (int shift = 0; shift < 64; shift += 7) {
                byte next = in.get();
                value |= (next & 0x7FL) << shift;
                if (next >= 0) {
                    return value;
                }
            }
            throw new InvalidArgumentException("a number does not end");
        }

        private byte[] bytes(long count) {
            if (count < 0 || count > in.remaining()) {
                throw new InvalidArgumentException(
                        "a length of " + count + " where " + in.remaining() + " bytes are left");
            }
            byte[] bytes = new byte[(int) count];
            in.get(bytes);
            return bytes;
        }

        private @Nullable String text() {
            long lengthPlusOne = number();
            return lengthPlusOne == 0 ? null : Wtf8.decode(bytes(lengthPlusOne - 1));
        }

        private String required() {
            String text = text();
            if (text == null) {
                throw new InvalidArgumentException("a text is missing");
            }
            return text;
        }

        private List<String> texts() {
            long count = number();
            List<String> texts = new ArrayList<>();
            for (long i = 0; i < count; i++) {
                texts.add(required());
            }
            return texts;
        }

        private @Nullable UUID uuid() {
            return number() == 0 ? null : new UUID(in.getLong(), in.getLong());
        }

        private BigDecimal decimal() {
            BigInteger unscaled = new BigInteger(bytes(number()));
            return new BigDecimal(unscaled, (int) (number() - (1L << 31)));
        }

        private @Nullable Instant instant() {
            return number() == 0 ? null : Instant.ofEpochSecond(number(), number() * 1_000);
        }

        private Instant requiredInstant() {
            Instant instant = instant();
            if (instant == null) {
                throw new InvalidArgumentException("an instant is missing");
            }
            return instant;
        }

        private @Nullable RequestError error() {
            return number() == 0 ? null : new RequestError(required(), required(), required(), text());
        }

        private List<LeaseShare> shares(SpendEvent event) {
            List<CounterId> counters = List.copyOf(CounterDeltas.countersOf(event));
            long count = number();
            List<LeaseShare> shares = new ArrayList<>();
            for (long i = 0; i < count; i++) {
                long place = number();
                if (place < 0 || place >= counters.size()) {
                    throw new InvalidArgumentException("counter " + place + " of " + counters.size());
                }
                shares.add(new LeaseShare(counters.get((int) place), number(), decimal()));
            }
            return shares;
        }

        private List<CounterId> counters() {
            long count = number();
            List<CounterId> counters = new ArrayList<>();
            for (long i = 0; i < count; i++) {
                counters.add(
                        new CounterId(Scope.ofSqlName(required()), required(), required(), required(), required()));
            }
            return counters;
        }
    }
}
