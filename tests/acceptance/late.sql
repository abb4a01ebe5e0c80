-- The figures of a score record, from `events`, `accounts_status_by_month`, `laid` (event_id, partition, log_offset,
-- told: the Kafka record's own timestamp) and `settings` (lateness, retention; days). Written from DESIGN.md alone.

-- Every event as the partition saw it: the newest day is that of the records counted before it, in log order. Rejected
-- records do not move it: those from the future are left out, and one beyond retention is older than the newest anyway.
create table judged as
with moments as (
    select
        laid.partition,
        laid.log_offset,
        account_id,
        user_id,
        cast(ts as timestamptz) as acted,
        cast(cast(ts as timestamptz) at time zone 'UTC' as date) as day,
        epoch_ms(cast(ts as timestamptz)) > epoch_ms(told) + 86400000 as future
    from events join laid using (event_id)
), running as (
    select *, max(case when not future then day end) over (
        partition by partition order by log_offset rows between unbounded preceding and 1 preceding
    ) as newest
    from moments
)
select
    * exclude (future, newest),
    epoch_ms(acted) // 60000 as minute,
    case when future then 'timestamp_in_future' when newest - day > retention then 'before_retention' end as reason,
    coalesce(newest - day > lateness, false) as late
from running, settings;

create view counted as select * from judged where reason is null;

-- The account records: one for every month, and one without Status where an account drops out in the next month.
create table records as
with months as (
    select month, lead(month) over (order by month) as next from (select distinct month from accounts_status_by_month)
)
select account_id, cast(month || '-01' as date) as since, status from accounts_status_by_month
union all
select gone.account_id, cast(next || '-01' as date), null
from accounts_status_by_month as gone join months using (month)
where next is not null
    and not exists (from accounts_status_by_month as kept where kept.account_id = gone.account_id and kept.month = next);

create macro scores_of(as_of) as table
with acts as (
    select *, as_of - day as ago from counted where day <= as_of
), in_force as (
    select * from records where since <= as_of qualify row_number() over (partition by account_id order by since desc) = 1
), members as (
    select account_id, in_force.status, coalesce(least(14, max(ago) + 1), 14) as d
    from acts full join in_force using (account_id) group by all
), figures as (
    select
        members.*,
        count(ago) filter (ago < d) as t,
        count(distinct day) filter (ago < 14) as active_days,
        [count(distinct user_id) filter (ago < 1), count(distinct user_id) filter (ago < 3),
         count(distinct user_id) filter (ago < 7), count(distinct user_id) filter (ago < 14),
         count(distinct user_id) filter (ago < 30), count(distinct user_id) filter (ago < 90)] as users,
        [count(distinct (user_id, minute)) filter (not late and ago < 1),
         count(distinct (user_id, minute)) filter (not late and ago < 3),
         count(distinct (user_id, minute)) filter (not late and ago < 7),
         count(distinct (user_id, minute)) filter (not late and ago < 14),
         count(distinct (user_id, minute)) filter (not late and ago < 30),
         count(distinct (user_id, minute)) filter (not late and ago < 90)] as minutes
    from members left join acts using (account_id) group by members.account_id, status, d
), compared as (
    select
        one.account_id,
        count(*) as accounts_in_status,
        count(*) filter (other.t >= other.d) as cohort_size,
        count(*) filter (other.t >= other.d and other.t * one.d < one.t * other.d) as lower,
        count(*) filter (other.t >= other.d and other.t * one.d > one.t * other.d) as higher
    from figures as one join figures as other on one.status is not distinct from other.status group by one.account_id
)
select to_json({
    'as_of': cast(as_of as text),
    'account_id': account_id,
    'status': status,
    'score': case when t < d then 0 when higher = 0 then 100 else greatest(1, 100 * lower // (cohort_size - 1)) end,
    'rank': case when t >= d then higher + 1 end,
    'cohort_size': cohort_size,
    'accounts_in_status': accounts_in_status,
    'average_daily_actions': t / d,
    'actions': t,
    'days_considered': d,
    'usage_frequency': case when active_days >= 9 then 'daily' when active_days >= 5 then 'weekly'
                            when active_days >= 2 then 'occasionally' else 'inactive' end,
    'active_days': active_days,
    'time_spent_minutes': {'1': minutes[1], '3': minutes[2], '7': minutes[3], '14': minutes[4], '30': minutes[5],
                           '90': minutes[6]},
    'active_users': {'1': users[1], '3': users[2], '7': users[3], '14': users[4], '30': users[5], '90': users[6]},
    'license_utilization': null
}) as record
from figures join compared using (account_id);
