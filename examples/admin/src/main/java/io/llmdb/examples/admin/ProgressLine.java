package io.llmdb.examples.admin;

import java.io.PrintWriter;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Help.Ansi;

/**
 * How far a long command has come, on stderr: one line that is written over on a terminal, else a line now and then.
 */
final class ProgressLine {

    private static final long PAUSE_ON_TERMINAL = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long PAUSE = TimeUnit.SECONDS.toNanos(5);

    private final PrintWriter err;
    private final boolean terminal;
    private long next;
    private int width;

    ProgressLine(PrintWriter err) {
        this.err = err;
        // Where colours are wanted a line can be written over as well.
        this.terminal = Ansi.AUTO.enabled();
        this.next = System.nanoTime() + (terminal ? 0 : PAUSE);
    }

    void show(String text) {
        long now = System.nanoTime();
        if (now - next < 0) {
            return;
        }
        next = now + (terminal ? PAUSE_ON_TERMINAL : PAUSE);
        if (terminal) {
            err.print('\r' + text + " ".repeat(Math.max(0, width - text.length())));
            err.flush();
            width = text.length();
        } else {
            err.println(text);
        }
    }

    void end() {
        if (width > 0) {
            err.print('\r' + " ".repeat(width) + '\r');
            err.flush();
            width = 0;
        }
    }
}
