package io.llmdb.examples.gateway.traffic;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Real requests: CSV with the columns {@code TIMESTAMP}, {@code ContextTokens}, {@code GeneratedTokens}, as in the
 * Azure LLM inference trace of 2023. A line may end in CR LF, and the last one need not end at all.
 *
 * @param rows the requests, by time
 */
public record Trace(List<Row> rows) {

    private static final String HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens";

    /** Up to nine decimals behind the seconds; the trace has seven. */
    private static final DateTimeFormatter TIMESTAMP = new DateTimeFormatterBuilder()
            .appendPattern("uuuu-MM-dd HH:mm:ss")
            .appendFraction(ChronoField.NANO_OF_SECOND, 0, 9, true)
            .toFormatter(Locale.ROOT);

    /**
     * One request.
     *
     * @param atNanos when it came, after the first one of all
     * @param contextTokens tokens of its prompt
     * @param generatedTokens tokens of its answer
     */
    public record Row(long atNanos, int contextTokens, int generatedTokens) {}

    /** Copies the list. */
    public Trace {
        rows = List.copyOf(rows);
    }

    /**
     * Reads traces and merges them by time. Requests of the same instant stay in the order of the files and lines.
     *
     * @param files the files
     * @return all their requests
     * @throws IllegalArgumentException where a file cannot be read or a line is none; it names file and line
     */
    public static Trace read(List<Path> files) {
        List<Row> rows = new ArrayList<>();
        for (Path file : files) {
            readInto(rows, file);
        }
        // The sort is stable.
        rows.sort(Comparator.comparingLong(Row::atNanos));
        if (rows.isEmpty()) {
            throw new IllegalArgumentException("No request in " + files);
        }
        long first = rows.get(0).atNanos();
        return new Trace(rows.stream()
                .map(row -> new Row(row.atNanos - first, row.contextTokens, row.generatedTokens))
                .toList());
    }

    /** @return the sum of all prompts' tokens */
    public long contextTokens() {
        return rows.stream().mapToLong(Row::contextTokens).sum();
    }

    /** @return the sum of all answers' tokens */
    public long generatedTokens() {
        return rows.stream().mapToLong(Row::generatedTokens).sum();
    }

    private static void readInto(List<Row> rows, Path file) {
        int number = 0;
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                String text = line.strip();
                if (number == 1) {
                    // Some tools begin a file with a byte-order mark.
                    if (!text.replace("\uFEFF", "").equals(HEADER)) {
                        throw new IllegalArgumentException("must begin with " + HEADER);
                    }
                } else if (!text.isEmpty()) {
                    rows.add(row(text));
                }
            }
        } catch (IOException e) {
            throw new IllegalArgumentException("Cannot read the trace " + file + " (" + e + ")", e);
        } catch (IllegalArgumentException | DateTimeException e) {
            throw new IllegalArgumentException(file + ", line " + number + ": " + e.getMessage(), e);
        }
    }

    private static Row row(String line) {
        String[] fields = line.split(",", -1);
        if (fields.length != 3) {
            throw new IllegalArgumentException("\"" + line + "\" has not three columns");
        }
        LocalDateTime time = LocalDateTime.parse(fields[0].strip(), TIMESTAMP);
        return new Row(
                time.toEpochSecond(ZoneOffset.UTC) * 1_000_000_000L + time.getNano(),
                tokens("ContextTokens", fields[1]),
                tokens("GeneratedTokens", fields[2]));
    }

    private static int tokens(String column, String text) {
        try {
            int tokens = Integer.parseInt(text.strip());
            if (tokens >= 1) {
                return tokens;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new IllegalArgumentException(column + " \"" + text + "\" is no whole number of at least 1");
    }
}
