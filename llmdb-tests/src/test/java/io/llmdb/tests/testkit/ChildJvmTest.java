package io.llmdb.tests.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

class ChildJvmTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @Test
    void takesArgumentsAndPropertiesAndEndsWithItsCode() {
        List<String> heard = new CopyOnWriteArrayList<>();
        try (ChildJvm child = ChildJvm.of(Child.class)
                .arguments("exit", 7, "two words", "quote\" and \\")
                .property("color", "deep blue")
                .jvmOptions("-Xmx64m")
                .onLine(heard::add)
                .start()) {
            assertThat(child.awaitExit(SOON)).isEqualTo(7);
            assertThat(child.output()).contains("argument two words", "argument quote\" and \\", "color deep blue");
            assertThat(heard).isEqualTo(child.output());
            assertThat(child.isAlive()).isFalse();
        }
    }

    @Test
    void runsItsShutdownHooksWhenItIsTerminated() {
        try (ChildJvm child = ChildJvm.of(Child.class).arguments("wait").start()) {
            child.awaitLine("waiting", SOON);
            child.terminate();
            assertThat(child.awaitExit(SOON)).isEqualTo(128 + 15);
            assertThat(child.output()).contains("in order");
        }
    }

    @Test
    void runsNothingMoreWhenItIsKilled() {
        try (ChildJvm child = ChildJvm.of(Child.class).arguments("wait").start()) {
            child.awaitLine("waiting", SOON);
            child.kill();
            assertThat(child.awaitExit(SOON)).isEqualTo(128 + 9);
            assertThat(child.output()).doesNotContain("in order");
        }
    }

    @Test
    void standsStillWhileItIsPaused() {
        try (ChildJvm child = ChildJvm.of(Child.class).arguments("count").start()) {
            child.awaitLine("count 3", SOON);
            child.pause();
            // What it had said before may still be on its way.
            Await.until("its output ends", SOON, () -> {
                int before = child.output().size();
                Thread.sleep(200);
                return child.output().size() == before;
            });
            int halted = child.output().size();
            child.resume();
            Await.until("it goes on", SOON, () -> child.output().size() > halted + 3);
        }
    }

    @Test
    void saysWhatItSaidWhenALineDoesNotCome() {
        try (ChildJvm child =
                ChildJvm.of(Child.class).arguments("exit", 0, "a clue").start()) {
            assertThatThrownBy(() -> child.awaitLine("never said", SOON))
                    .isInstanceOf(AssertionError.class)
                    .hasMessageContaining("never said")
                    .hasMessageContaining("a clue");
        }
    }

    @Test
    void endsWithItsParentEvenIfThatIsKilled() {
        try (ChildJvm parent = ChildJvm.of(Child.class).arguments("parent").start()) {
            String line = parent.awaitLine("grandchild ", SOON);
            ProcessHandle grandchild =
                    ProcessHandle.of(Long.parseLong(line.split(" ")[1])).orElseThrow();
            assertThat(grandchild.isAlive()).isTrue();
            parent.kill();
            Await.until("the grandchild ends", SOON, () -> !grandchild.isAlive());
        }
    }

    /** Does as its first argument says. */
    public static final class Child {

        private Child() {}

        public static void main(String[] args) throws Exception {
            switch (args[0]) {
                case "exit" -> {
                    for (int i = 2; i < args.length; i++) {
                        System.out.println("argument " + args[i]);
                    }
                    System.err.println("color " + System.getProperty("color"));
                    System.exit(Integer.parseInt(args[1]));
                }
                case "wait" -> {
                    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("in order")));
                    System.out.println("waiting");
                    Thread.currentThread().join();
                }
                case "count" -> {
                    for (int i = 0; ; i++) {
                        System.out.println("count " + i);
                        Thread.sleep(5);
                    }
                }
                case "parent" -> {
                    ChildJvm child = ChildJvm.of(Child.class).arguments("wait").start();
                    System.out.println("grandchild " + child.pid());
                    Thread.currentThread().join();
                }
                default -> throw new IllegalArgumentException(args[0]);
            }
        }
    }
}
