package io.llmdb.testkit;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;

/** Runs another main class and ends the JVM when its parent ends, which closes standard input. */
final class ChildMain {

    private static final int ORPHANED = 137;

    private ChildMain() {}

    /**
     * @param args the main class, then its arguments
     * @throws Throwable what the main class throws
     */
    public static void main(String[] args) throws Throwable {
        Thread watch = new Thread(ChildMain::endWithParent, "llmdb-testkit parent watch");
        watch.setDaemon(true);
        watch.start();
        Method main = Class.forName(args[0]).getMethod("main", String[].class);
        main.setAccessible(true);
        try {
            main.invoke(null, (Object) Arrays.copyOfRange(args, 1, args.length));
        } catch (InvocationTargetException e) {
            throw e.getCause() == null ? e : e.getCause();
        }
    }

    private static void endWithParent() {
        try {
            while (System.in.read() >= 0) {
                // Nothing is said there.
            }
        } catch (IOException e) {
            // The same: nobody is there any more.
        }
        Runtime.getRuntime().halt(ORPHANED);
    }
}
