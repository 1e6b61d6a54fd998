package io.llmdb.testkit;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.AppenderBase;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.ILoggerFactory;
import org.slf4j.LoggerFactory;

/**
 * Everything that is logged from its start to its close, on every level, stack traces included. For projects that log
 * with Logback. One at a time; it is the whole JVM's log.
 */
public final class CapturedLog implements AutoCloseable {

    private final Logger logger;
    private final @Nullable Level levelBefore;
    private final Lines lines = new Lines();

    private CapturedLog(Logger logger) {
        this.logger = logger;
        this.levelBefore = logger.getLevel();
        lines.setContext(logger.getLoggerContext());
        lines.start();
        logger.addAppender(lines);
        logger.setLevel(Level.TRACE);
    }

    /**
     * Starts capturing all loggers whose own level nobody set.
     *
     * @return the log, to be closed
     * @throws TestkitException where the project logs with something else
     */
    public static CapturedLog start() {
        return start(org.slf4j.Logger.ROOT_LOGGER_NAME);
    }

    /**
     * Starts capturing one logger and those below it.
     *
     * @param name the logger's name, such as {@code io.llmdb}
     * @return the log, to be closed
     * @throws TestkitException where the project logs with something else
     */
    public static CapturedLog start(String name) {
        ILoggerFactory factory = LoggerFactory.getILoggerFactory();
        if (!(factory instanceof LoggerContext context)) {
            throw new TestkitException("The log can be captured where SLF4J logs to Logback; here it is "
                    + factory.getClass().getName());
        }
        return new CapturedLog(context.getLogger(name));
    }

    /** @return what was logged, an entry each: level, logger, message, stack trace */
    public List<String> entries() {
        return List.copyOf(lines.entries);
    }

    /** @return all of it in one text */
    public String text() {
        return String.join("\n", lines.entries);
    }

    @Override
    public void close() {
        logger.detachAppender(lines);
        logger.setLevel(levelBefore);
        lines.stop();
    }

    private static final class Lines extends AppenderBase<ILoggingEvent> {

        private final List<String> entries = Collections.synchronizedList(new ArrayList<>());

        @Override
        protected void append(ILoggingEvent event) {
            String trace = event.getThrowableProxy() == null
                    ? ""
                    : "\n" + ThrowableProxyUtil.asString(event.getThrowableProxy());
            entries.add(event.getLevel() + " " + event.getLoggerName() + ": " + event.getFormattedMessage() + trace);
        }
    }
}
