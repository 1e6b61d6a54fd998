package io.llmdb.testkit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Sends signals to processes; the shell's own kill is everywhere, a program of that name is not. */
final class Signals {

    private static final int DEADLINE_SECONDS = 10;

    private Signals() {}

    /**
     * @param signal the name without SIG, such as STOP
     * @param pids the processes; one that is gone already is no error
     */
    static void send(String signal, Collection<Long> pids) {
        if (pids.isEmpty()) {
            return;
        }
        List<String> command =
                new ArrayList<>(List.of("sh", "-c", "for p; do kill -" + signal + " \"$p\"; done; true", "sh"));
        pids.forEach(pid -> command.add(Long.toString(pid)));
        try {
            Process process = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new TestkitException("SIG" + signal + " could not be sent to " + pids);
            }
        } catch (IOException e) {
            throw new TestkitException("SIG" + signal + " needs a POSIX shell, and none could be started", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TestkitException("Interrupted while sending SIG" + signal + " to " + pids, e);
        }
    }
}
