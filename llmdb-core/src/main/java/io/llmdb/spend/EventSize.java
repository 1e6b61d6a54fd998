package io.llmdb.spend;

import org.jspecify.annotations.Nullable;

/** About how much memory an event takes. */
final class EventSize {

    /** Its objects and their headers, and what every event has. */
    private static final long FIXED = 768;

    private static final int PER_TEXT = 48;

    private EventSize() {}

    static long of(SpendEvent event) {
        long size = FIXED
                + event.requestId().length()
                + event.keyHash().length()
                + event.model().length()
                + event.modelGroup().length()
                + event.apiBase().length()
                + event.userId().length()
                + event.teamId().length()
                + event.organizationId().length()
                + event.endUser().length()
                + event.cacheKey().length()
                + event.sessionId().length()
                + json(event.metadata())
                + json(event.messages())
                + json(event.response())
                + json(event.proxyServerRequest());
        for (String tag : event.tags()) {
            size += PER_TEXT + tag.length();
        }
        size += (4L * PER_TEXT) * event.furtherCounters().size();
        RequestError error = event.error();
        return error == null ? size : size + 4L * PER_TEXT + error.message().length() + json(error.requestJson());
    }

    /** People write all scripts in there, so that a character may take two bytes. */
    private static long json(@Nullable String text) {
        return text == null ? 0 : PER_TEXT + 2L * text.length();
    }
}
