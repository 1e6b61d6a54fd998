package io.llmdb.settings;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Where the database is and as whom to go there, as PostgreSQL's JDBC driver takes it.
 *
 * <p>Made from {@code postgresql://user:password@host:port/database?parameters}, {@code postgres://...}, or
 * {@code jdbc:postgresql://...}. Parameters may be libpq's, Prisma's or the driver's own; libpq's and Prisma's are
 * translated. Immutable; {@code toString} shows no password.
 */
public final class DatabaseUrl {

    private final String jdbcUrl;
    private final @Nullable String user;
    private final @Nullable Secret password;
    private final Map<String, String> properties;
    private final List<String> notes;

    DatabaseUrl(
            String jdbcUrl,
            @Nullable String user,
            @Nullable Secret password,
            Map<String, String> properties,
            List<String> notes) {
        this.jdbcUrl = jdbcUrl;
        this.user = user;
        this.password = password;
        this.properties = Map.copyOf(properties);
        this.notes = List.copyOf(notes);
    }

    /**
     * Reads a URL.
     *
     * @param url the URL in one of the forms above
     * @return what it says
     * @throws InvalidSettingsException where it is none
     */
    public static DatabaseUrl parse(String url) {
        try {
            return DatabaseUrlParser.parse(url);
        } catch (BadValue e) {
            throw new InvalidSettingsException(
                    List.of(new SettingProblem(
                            Known.DATABASE_URL.qualifiedName(),
                            DatabaseUrlParser.mask(url),
                            SettingSource.BUILDER,
                            String.valueOf(e.getMessage()))),
                    List.of());
        }
    }

    /**
     * The driver's URL: hosts, ports and database, no more.
     *
     * @return for example {@code jdbc:postgresql://localhost:5432/proxy}; holds no secret
     */
    public String jdbcUrl() {
        return jdbcUrl;
    }

    /**
     * Who logs in.
     *
     * @return the role's name, or null where the URL names none and the driver chooses
     */
    public @Nullable String user() {
        return user;
    }

    /**
     * The role's password.
     *
     * @return the password, or null where the URL has none
     */
    public @Nullable Secret password() {
        return password;
    }

    /**
     * The driver's further connection properties by the driver's names, such as {@code sslmode}. May hold a secret
     * ({@code sslpassword}): not for logs.
     *
     * @return the properties without user and password; immutable
     */
    public Map<String, String> properties() {
        return properties;
    }

    /** What was left out of the URL, for warnings. */
    List<String> notes() {
        return notes;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof DatabaseUrl that
                && jdbcUrl.equals(that.jdbcUrl)
                && Objects.equals(user, that.user)
                && Objects.equals(password, that.password)
                && properties.equals(that.properties);
    }

    @Override
    public int hashCode() {
        return Objects.hash(jdbcUrl, user, password, properties);
    }

    /**
     * The URL for people.
     *
     * @return for example {@code jdbc:postgresql://localhost:5432/proxy user=llm password=*** sslmode=require}
     */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(jdbcUrl);
        if (user != null) {
            text.append(" user=").append(user);
        }
        if (password != null) {
            text.append(" password=").append(password);
        }
        new TreeMap<>(properties)
                .forEach((name, value) -> text.append(' ')
                        .append(name)
                        .append('=')
                        .append(UrlParameters.isSecret(name) ? Secret.MASK : value));
        return text.toString();
    }
}
