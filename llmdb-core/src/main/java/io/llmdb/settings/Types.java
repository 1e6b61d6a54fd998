package io.llmdb.settings;

import io.llmdb.common.BudgetDuration;
import io.llmdb.common.Money;
import io.llmdb.error.InvalidArgumentException;
import java.math.BigDecimal;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The types of settings. */
final class Types {

    /** As {@code SchemaMigrator} takes them. */
    private static final Pattern SCHEMA_NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_$-]{0,62}");

    /** PyYAML reads numbers with underscores, so they are in people's files. */
    private static final Pattern WHOLE_NUMBER = Pattern.compile("[+-]?[0-9](_?[0-9])*");

    /** Two digits for the hour, because YAML 1.1 reads an unquoted 6:30 as the number 390. */
    private static final Pattern TIME_OF_DAY = Pattern.compile("[0-9]{2}:[0-9]{2}(:[0-9]{2})?");

    private Types() {}

    static ValueType<Boolean> flag() {
        String allowed = "true or false";
        return ValueType.<Boolean>of(
                        allowed,
                        text -> switch (text.toLowerCase(Locale.ROOT)) {
                            case "true", "yes", "on" -> true;
                            case "false", "no", "off" -> false;
                            default -> throw new BadValue("must be " + allowed);
                        },
                        value -> {},
                        String::valueOf)
                .withBareBooleans();
    }

    static ValueType<Integer> number(int least, int most) {
        String allowed = "a whole number from " + least + " to " + most;
        return ValueType.of(
                allowed,
                text -> {
                    if (!WHOLE_NUMBER.matcher(text).matches()) {
                        throw new BadValue("must be " + allowed);
                    }
                    try {
                        return Integer.parseInt(text.replace("_", ""));
                    } catch (NumberFormatException e) {
                        throw new BadValue("must be " + allowed);
                    }
                },
                value -> require(value >= least && value <= most, allowed),
                String::valueOf);
    }

    static ValueType<Long> bytes(long least, long most) {
        String allowed = "a size from " + ByteSize.format(least) + " to " + ByteSize.format(most)
                + ": a whole number of bytes, or one with kB, MB, GB, KiB, MiB or GiB behind it";
        return ValueType.of(
                allowed,
                text -> ByteSize.parse(text, allowed),
                value -> require(value >= least && value <= most, allowed),
                ByteSize::format);
    }

    static ValueType<BigDecimal> money() {
        String allowed = "an amount of at least 0, such as 100 or 0.25";
        return ValueType.of(
                allowed,
                text -> {
                    if (text.length() > 100) {
                        throw new BadValue("must be " + allowed);
                    }
                    try {
                        return new BigDecimal(text.replace("_", ""));
                    } catch (NumberFormatException e) {
                        throw new BadValue("must be " + allowed);
                    }
                },
                value -> {
                    require(value.signum() >= 0, allowed);
                    try {
                        Money.check("amount", value);
                    } catch (InvalidArgumentException e) {
                        throw new BadValue(
                                "must be " + allowed + ", with at most 30 digits before the point and 60 behind it");
                    }
                },
                BigDecimal::toPlainString);
    }

    /** A length of time that LiteLLM gives as a number of seconds; ours takes a unit too. */
    static ValueType<Duration> seconds(Duration least, Duration most) {
        return duration("a number of seconds or a duration such as 500ms, 30s or 15m, ", least, most, true);
    }

    /** A length of time with its unit. */
    static ValueType<Duration> duration(Duration least, Duration most) {
        return duration("a duration such as 500ms, 30s, 15m or 12h, ", least, most, false);
    }

    private static ValueType<Duration> duration(String form, Duration least, Duration most, boolean bareSeconds) {
        String allowed = form + "from " + Durations.format(least) + " to " + Durations.format(most);
        return ValueType.of(
                allowed,
                text -> Durations.parse(text, bareSeconds, allowed),
                value -> require(value.compareTo(least) >= 0 && value.compareTo(most) <= 0, allowed),
                Durations::format);
    }

    /** A length of time by the calendar. */
    static ValueType<BudgetDuration> period() {
        String allowed =
                "a whole number of at least 1 with s, m, h, d, w or mo behind it, such as 12h, 7d or 1mo, or none";
        return ValueType.of(
                allowed,
                text -> {
                    try {
                        return BudgetDuration.parse("", text);
                    } catch (InvalidArgumentException e) {
                        throw new BadValue("must be " + allowed + ", not longer than a thousand years");
                    }
                },
                value -> {},
                BudgetDuration::toString);
    }

    static ValueType<String> text() {
        String allowed = "a text of 1 to 255 characters";
        return ValueType.of(
                allowed,
                text -> text,
                value -> require(
                        !value.isBlank()
                                && value.length() <= 255
                                && value.chars().noneMatch(Character::isISOControl),
                        allowed),
                value -> value);
    }

    static ValueType<String> schemaName() {
        String allowed =
                "a schema name: a letter or underscore, then letters, digits, _ $ -, at most 63 characters, not beginning with pg_";
        return ValueType.of(
                allowed,
                text -> text,
                value -> require(
                        SCHEMA_NAME.matcher(value).matches()
                                && !value.toLowerCase(Locale.ROOT).startsWith("pg_"),
                        allowed),
                value -> value);
    }

    static <E extends Enum<E>> ValueType<E> choice(Class<E> type) {
        E[] constants = type.getEnumConstants();
        String allowed = Arrays.stream(constants).map(Types::lower).collect(Collectors.joining(", ", "one of ", ""));
        return ValueType.of(
                allowed,
                text -> {
                    for (E constant : constants) {
                        if (lower(constant).equals(text.toLowerCase(Locale.ROOT))) {
                            return constant;
                        }
                    }
                    throw new BadValue("must be " + allowed);
                },
                value -> {},
                Types::lower);
    }

    static ValueType<ZoneId> zone() {
        String allowed = "a time zone of the IANA database, such as UTC or Europe/Berlin";
        return ValueType.of(
                allowed,
                text -> {
                    try {
                        return ZoneId.of(text);
                    } catch (DateTimeException e) {
                        throw badZone(text, allowed);
                    }
                },
                value -> {
                    if (!value.equals(ZoneOffset.UTC)
                            && !ZoneId.getAvailableZoneIds().contains(value.getId())) {
                        throw badZone(value.getId(), allowed);
                    }
                },
                ZoneId::getId);
    }

    private static BadValue badZone(String name, String allowed) {
        return new BadValue("must be " + allowed + Nearest.suggestion(name, ZoneId.getAvailableZoneIds()));
    }

    static ValueType<LocalTime> timeOfDay() {
        String allowed = "a time of day from 00:00 to 23:59:59, such as \"06:30\"";
        return ValueType.of(
                allowed,
                text -> {
                    try {
                        if (TIME_OF_DAY.matcher(text).matches()) {
                            return LocalTime.parse(text);
                        }
                    } catch (DateTimeException e) {
                        // Told below.
                    }
                    throw new BadValue("must be " + allowed);
                },
                value -> require(value.equals(value.truncatedTo(ChronoUnit.SECONDS)), "a time of day in whole seconds"),
                LocalTime::toString);
    }

    static ValueType<Path> directory() {
        String allowed = "a directory";
        return ValueType.of(
                allowed,
                text -> {
                    try {
                        return Path.of(text);
                    } catch (InvalidPathException e) {
                        throw new BadValue("must be " + allowed + ": " + e.getReason());
                    }
                },
                value -> require(!value.toString().isBlank(), allowed),
                Path::toString);
    }

    static ValueType<DatabaseUrl> databaseUrl() {
        return ValueType.of(
                        "postgresql://user:password@host:port/database or the same with jdbc: before it",
                        DatabaseUrlParser::parse,
                        value -> {},
                        DatabaseUrl::toString)
                .masked(DatabaseUrlParser::mask);
    }

    static ValueType<Secret> secret() {
        String allowed = "a secret of at least one character that is no blank";
        return ValueType.of(allowed, Secret::of, value -> require(!value.value().isBlank(), allowed), Secret::toString)
                .masked(text -> Secret.MASK);
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static void require(boolean condition, String allowed) throws BadValue {
        if (!condition) {
            throw new BadValue("must be " + allowed);
        }
    }
}
