package io.llmdb.testkit;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stands between clients and a test database to spoil their connections: cuts them, refuses new ones, delays, swallows,
 * and breaks COMMITs so that the client cannot know whether they happened. Understands as much of PostgreSQL's protocol
 * as that takes; refuses TLS, which a client that merely prefers it accepts.
 *
 * <p>Only explicit COMMITs are counted and broken, not statements in auto-commit mode. Safe for use by several threads.
 */
public final class TcpProxy implements AutoCloseable {

    private static final int BACKLOG = 200;
    private static final Logger LOG = LoggerFactory.getLogger(TcpProxy.class);

    private final TestDatabase database;
    private final ServerSocket listener;
    private final Set<ProxiedConnection> connections = ConcurrentHashMap.newKeySet();
    private final Map<CommitFault, CommitSchedule> faults = new EnumMap<>(CommitFault.class);
    private final AtomicLong commits = new AtomicLong();
    private final Object gate = new Object();
    private volatile boolean refusing;
    private volatile boolean silent;
    private volatile Duration delay = Duration.ZERO;

    private TcpProxy(TestDatabase database, ServerSocket listener) {
        this.database = database;
        this.listener = listener;
    }

    /**
     * A proxy in front of a database, which at first lets all pass. Close it, or let {@link TestDatabase#closeAtEnd} do
     * so.
     *
     * @param database where it leads
     * @return the proxy, listening on a port of its own on the loopback address
     */
    public static TcpProxy to(TestDatabase database) {
        try {
            ServerSocket listener = new ServerSocket();
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
            TcpProxy proxy = new TcpProxy(database, listener);
            daemon("llmdb-testkit proxy " + listener.getLocalPort(), proxy::accept);
            return proxy;
        } catch (IOException e) {
            throw new TestkitException("A TCP proxy could not be started", e);
        }
    }

    /** @return the port that it listens on */
    public int port() {
        return listener.getLocalPort();
    }

    /** @return the database's JDBC URL through this proxy, without role and password */
    public String jdbcUrl() {
        return database.server().backend().url(host(), port(), database.name());
    }

    /** @return the database's URL through this proxy with role and password, as a proxy's YAML has it */
    public String databaseUrl() {
        return database.databaseUrl(host(), port());
    }

    /** @return new connections through this proxy at each call, without a pool */
    public DataSource dataSource() {
        return TestDatabase.dataSource(database.server().backend().user(), jdbcUrl());
    }

    private static String host() {
        return InetAddress.getLoopbackAddress().getHostAddress();
    }

    /**
     * Cuts all connections there are; new ones are accepted.
     *
     * @return how many there were
     */
    public int cutAll() {
        int count = 0;
        for (ProxiedConnection connection : connections) {
            connection.cut();
            count++;
        }
        return count;
    }

    /** Resets each new connection at once, until {@link #heal()}; those that are open go on. */
    public void refuseNew() {
        refusing = true;
    }

    /**
     * Passes nothing on in either direction and answers nobody, as a network that loses everything, until
     * {@link #heal()}.
     */
    public void blackHole() {
        silent = true;
    }

    /**
     * Holds up what passes, in each direction.
     *
     * @param time how long; zero for not at all
     */
    public void delay(Duration time) {
        delay = time;
    }

    /**
     * Breaks every n-th COMMIT.
     *
     * @param fault how; both ways may be in force at once
     * @param n 1 for each
     */
    public void breakCommits(CommitFault fault, int n) {
        setFault(fault, CommitSchedule.every(n));
    }

    /**
     * Breaks COMMITs at random.
     *
     * @param fault how; both ways may be in force at once
     * @param oneIn one in so many on average
     * @param seed the same seed breaks the same ones, counted in the order in which they pass
     */
    public void breakCommitsAtRandom(CommitFault fault, int oneIn, long seed) {
        setFault(fault, CommitSchedule.oneIn(oneIn, seed));
    }

    private void setFault(CommitFault fault, @Nullable CommitSchedule schedule) {
        synchronized (faults) {
            if (schedule == null) {
                faults.remove(fault);
            } else {
                faults.put(fault, schedule);
            }
        }
    }

    /** Lets everything pass again. Connections that were cut stay cut. */
    public void heal() {
        refusing = false;
        delay = Duration.ZERO;
        synchronized (faults) {
            faults.clear();
        }
        synchronized (gate) {
            silent = false;
            gate.notifyAll();
        }
    }

    /** @return how many connections are open through it */
    public int openConnections() {
        return connections.size();
    }

    /** @return how many COMMITs the server has carried out through this proxy, those included whose answer was lost */
    public long commits() {
        return commits.get();
    }

    /**
     * @param fault a way to break COMMITs
     * @return how many were broken so since it was last set
     */
    public long brokenCommits(CommitFault fault) {
        synchronized (faults) {
            CommitSchedule schedule = faults.get(fault);
            return schedule == null ? 0 : schedule.broken();
        }
    }

    boolean breaksNext(CommitFault fault) {
        CommitSchedule schedule;
        synchronized (faults) {
            schedule = faults.get(fault);
        }
        return schedule != null && schedule.breaksNext();
    }

    void committed() {
        commits.incrementAndGet();
    }

    void forget(ProxiedConnection connection) {
        connections.remove(connection);
    }

    /**
     * Holds a message up as is in force.
     *
     * @param connection whose message it is
     * @param first whether it is the first after a pause, the one that a delay falls on
     */
    void passGate(ProxiedConnection connection, boolean first) {
        Duration wait = delay;
        if (first && !wait.isZero()) {
            Await.pause(wait);
        }
        if (silent) {
            synchronized (gate) {
                while (silent && connection.isOpen()) {
                    try {
                        gate.wait();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        return;
                    }
                }
            }
        }
    }

    /** Lets connections that were cut while they waited see that. */
    void wakeUp() {
        synchronized (gate) {
            gate.notifyAll();
        }
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                if (refusing) {
                    reset(client);
                } else {
                    daemon("llmdb-testkit proxy connection", () -> connect(client));
                }
            } catch (IOException e) {
                LOG.trace("The proxy does not listen any more", e);
            }
        }
    }

    private void connect(Socket client) {
        try {
            Socket server =
                    new Socket(database.server().host(), database.server().port());
            ProxiedConnection connection = new ProxiedConnection(this, client, server);
            connections.add(connection);
            // Else what was accepted a moment before would outlive a cut that did not see it.
            if (refusing || listener.isClosed()) {
                connection.cut();
                return;
            }
            daemon("llmdb-testkit proxy answers", connection::passAnswers);
            connection.passRequests();
        } catch (IOException e) {
            LOG.debug("The proxy does not reach the server", e);
            reset(client);
        }
    }

    /** Closes a socket so that the other side gets an error instead of an orderly end. */
    static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            LOG.trace("The socket was closed already", e);
        }
    }

    private static void daemon(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** Cuts all connections and stops listening. */
    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException e) {
            LOG.trace("The proxy was closed already", e);
        }
        cutAll();
    }

    @Override
    public String toString() {
        return "proxy on port " + port() + " to " + database;
    }
}
