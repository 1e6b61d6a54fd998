package io.llmdb.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A second JVM with the test's class path, to be killed. It ends when this one ends, whatever ends this one; therefore
 * its main class cannot read standard input. Its output, error output included, is read line by line. Safe for use by
 * several threads.
 */
public final class ChildJvm implements AutoCloseable {

    private static final Duration END_DEADLINE = Duration.ofSeconds(10);

    private final String name;
    private final Process process;
    private final Path argumentFile;
    private final List<String> lines = new ArrayList<>();
    private final Thread reader;

    private ChildJvm(Builder builder) throws IOException {
        this.name = builder.mainClass;
        this.argumentFile = Files.createTempFile("llmdb-testkit", ".args");
        Files.write(
                argumentFile, builder.arguments().stream().map(ChildJvm::quoted).toList());
        this.process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "@" + argumentFile)
                .redirectErrorStream(true)
                .start();
        this.reader = new Thread(() -> read(builder.listener), "llmdb-testkit output of " + name);
        reader.setDaemon(true);
        reader.start();
    }

    /**
     * Prepares a JVM.
     *
     * @param mainClass its main class; any class of the test's class path with a public {@code main}
     * @return what starts it
     */
    public static Builder of(Class<?> mainClass) {
        return new Builder(mainClass.getName());
    }

    private void read(Consumer<String> listener) {
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                synchronized (lines) {
                    lines.add(line);
                    lines.notifyAll();
                }
                listener.accept(line);
            }
        } catch (IOException e) {
            // It was killed.
        }
    }

    /** @return what it has said so far, line by line */
    public List<String> output() {
        synchronized (lines) {
            return List.copyOf(lines);
        }
    }

    /**
     * Waits for a line that contains a text, also one that was said before.
     *
     * @param text the text
     * @param deadline how long to wait at most
     * @return the first such line
     * @throws AssertionError where there is none in time, or the process ended without it
     */
    public String awaitLine(String text, Duration deadline) {
        return awaitLine("a line with \"" + text + "\"", line -> line.contains(text), deadline);
    }

    /**
     * Waits for a line, also one that was said before.
     *
     * @param description what is awaited
     * @param condition whether a line is it
     * @param deadline how long to wait at most
     * @return the first such line
     * @throws AssertionError where there is none in time, or the process ended without it
     */
    public String awaitLine(String description, Predicate<String> condition, Duration deadline) {
        long start = System.nanoTime();
        int seen = 0;
        while (true) {
            boolean ended = !reader.isAlive();
            synchronized (lines) {
                for (; seen < lines.size(); seen++) {
                    if (condition.test(lines.get(seen))) {
                        return lines.get(seen);
                    }
                }
            }
            long left = deadline.toNanos() - (System.nanoTime() - start);
            if (ended || left <= 0) {
                throw new AssertionError((ended ? "The process ended" : "Waited " + deadline.toMillis() + " ms in vain")
                        + " without " + description + "; " + this + " said:\n" + String.join("\n", output()));
            }
            synchronized (lines) {
                if (seen == lines.size()) {
                    try {
                        // The end of the process wakes nobody, so look again soon.
                        lines.wait(Math.max(1, Math.min(50, TimeUnit.NANOSECONDS.toMillis(left))));
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        throw new AssertionError("Interrupted while waiting for " + description, e);
                    }
                }
            }
        }
    }

    /** @return its process id */
    public long pid() {
        return process.pid();
    }

    /** @return whether it runs */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** Asks it to end (SIGTERM); its shutdown hooks run. */
    public void terminate() {
        // By its handle, because Process.destroy closes the pipes first.
        process.toHandle().destroy();
    }

    /** Ends it at once (SIGKILL); nothing of it runs any more. Returns when it has ended. */
    public void kill() {
        process.toHandle().destroyForcibly();
        awaitExit(END_DEADLINE);
    }

    /** Halts it (SIGSTOP). */
    public void pause() {
        Signals.send("STOP", List.of(process.pid()));
    }

    /** Lets it go on (SIGCONT). */
    public void resume() {
        Signals.send("CONT", List.of(process.pid()));
    }

    /**
     * Waits until it has ended and all that it said was read.
     *
     * @param deadline how long to wait at most
     * @return its exit code; 128 + the number of the signal that ended it
     * @throws AssertionError where it does not end in time
     */
    public int awaitExit(Duration deadline) {
        try {
            if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError("Waited " + deadline.toMillis() + " ms in vain until " + this
                        + " ends; it said:\n" + String.join("\n", output()));
            }
            reader.join(END_DEADLINE.toMillis());
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("Interrupted while waiting until " + this + " ends", e);
        }
    }

    /** Kills it if it still runs. */
    @Override
    public void close() {
        kill();
        try {
            Files.deleteIfExists(argumentFile);
        } catch (IOException e) {
            argumentFile.toFile().deleteOnExit();
        }
    }

    private static String quoted(String argument) {
        return '"' + argument.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }

    @Override
    public String toString() {
        return name + " (process " + process.pid() + ")";
    }

    /** What a child JVM starts with. Not safe for use by several threads. */
    public static final class Builder {

        private final String mainClass;
        private final List<String> jvmOptions = new ArrayList<>();
        private final List<String> properties = new ArrayList<>();
        private final List<String> arguments = new ArrayList<>();
        private Consumer<String> listener = line -> {};

        private Builder(String mainClass) {
            this.mainClass = mainClass;
            String zone = System.getProperty("user.timezone");
            if (zone != null && !zone.isBlank()) {
                property("user.timezone", zone);
            }
        }

        /**
         * Adds arguments of the main class.
         *
         * @param values the arguments; their texts are what counts
         * @return this
         */
        public Builder arguments(Object... values) {
            for (Object value : values) {
                arguments.add(value.toString());
            }
            return this;
        }

        /**
         * Sets a system property.
         *
         * @param property its name
         * @param value its value
         * @return this
         */
        public Builder property(String property, @Nullable Object value) {
            properties.add("-D" + property + "=" + value);
            return this;
        }

        /**
         * Adds options of the JVM, such as {@code -Xmx64m}.
         *
         * @param options the options
         * @return this
         */
        public Builder jvmOptions(String... options) {
            jvmOptions.addAll(List.of(options));
            return this;
        }

        /**
         * Hands on each line that it says.
         *
         * @param consumer what gets the lines, on a thread of the testkit
         * @return this
         */
        public Builder onLine(Consumer<String> consumer) {
            listener = consumer;
            return this;
        }

        /**
         * Starts it.
         *
         * @return the running JVM
         * @throws TestkitException where it cannot be started
         */
        public ChildJvm start() {
            try {
                return new ChildJvm(this);
            } catch (IOException e) {
                throw new TestkitException("A child JVM for " + mainClass + " could not be started", e);
            }
        }

        private List<String> arguments() {
            List<String> all = new ArrayList<>(List.of("-cp", System.getProperty("java.class.path")));
            all.addAll(jvmOptions);
            all.addAll(properties);
            all.add(ChildMain.class.getName());
            all.add(mainClass);
            all.addAll(arguments);
            return all;
        }
    }
}
