"""Search of messages and chats."""

from chatapp.feature import Feature
from chatapp.features.search import indexer, jobs, views
from chatapp.features.search.schemas import MAX_QUERY

feature = Feature(
    "search",
    resources=(views.resource,),
    commit_subscribers=indexer.SUBSCRIBERS,
    tasks=((indexer.INDEX_SECONDS, indexer.index_changes),),
    last_tasks=(indexer.index_last_changes,),
    jobs=jobs.JOBS,
    capabilities=("search",),
    limits={"searchQuery": lambda _: MAX_QUERY},
    is_on=lambda settings: settings.has_search,
)
