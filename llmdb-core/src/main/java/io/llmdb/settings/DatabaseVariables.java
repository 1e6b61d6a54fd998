package io.llmdb.settings;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** LiteLLM's other way to name the database: one environment variable for each part. */
final class DatabaseVariables {

    static final String HOST = "DATABASE_HOST";
    static final String PORT = "DATABASE_PORT";
    static final String USER = "DATABASE_USERNAME";
    static final String PASSWORD = "DATABASE_PASSWORD";
    static final String NAME = "DATABASE_NAME";

    private DatabaseVariables() {}

    /** The URL that the parts make, or null where host, user or name is missing. */
    static @Nullable String url(Function<String, @Nullable String> environment) {
        String host = environment.apply(HOST);
        String user = environment.apply(USER);
        String name = environment.apply(NAME);
        if (isBlank(host) || isBlank(user) || isBlank(name)) {
            return null;
        }
        String port = environment.apply(PORT);
        String password = environment.apply(PASSWORD);
        return "postgresql://" + encode(String.valueOf(user))
                + (isBlank(password) ? "" : ":" + encode(String.valueOf(password))) + "@" + host
                + (isBlank(port) ? "" : ":" + port) + "/" + encode(String.valueOf(name));
    }

    private static boolean isBlank(@Nullable String text) {
        return text == null || text.isBlank();
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
